/* SPDX-License-Identifier: MIT
 *
 * Takes a line of the shell apart into jobs (job.h has the grammar).
 *
 * The line is read once, from left to right, a token at a time: a word, one
 * of | < > >> & and ; or the end. Words stay as they were written, quotation
 * marks and all, because the program that gets them takes them apart again;
 * only a file's name is needed bare here. Whatever is wrong is said in one
 * sentence, and then nothing of the job is run.
 */
#include "guest/user/lib/job.h"
#include "guest/user/user.h"

struct word {
    const char *text;
    u32 length;
};

#define APPEND     '+' /* a token's kind: its character, and these */
#define WORD       'w'
#define OPEN_QUOTE 'q'

int job_complain(const char *what, const char *which)
{
    dprintf(2, "sh: %s%s.\n", which, what);
    return 0;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int is_special(char c)
{
    return c == '|' || c == '<' || c == '>' || c == '&' || c == ';';
}

static char take_word(const char **s, struct word *w)
{
    char quote = 0;

    w->text = *s;
    for (; **s && (quote || (!is_blank(**s) && !is_special(**s))); (*s)++)
        if (quote ? **s == quote : **s == '\'' || **s == '"')
            quote = quote ? 0 : **s;
    w->length = (u32)(*s - w->text);
    return quote ? OPEN_QUOTE : WORD;
}

static char take_token(const char **s, struct word *w)
{
    while (is_blank(**s))
        (*s)++;
    if (**s && !is_special(**s))
        return take_word(s, w);
    if (!**s)
        return 0;
    if ((*s)[0] == '>' && (*s)[1] == '>') {
        *s += 2;
        return APPEND;
    }
    return *(*s)++;
}

static int add_word(struct command *c, const struct word *w, int last)
{
    u32 n = strlen(c->line);
    char status[12];
    struct word word = *w;

    if (w->length == 2 && memcmp(w->text, "$?", 2) == 0) {
        format_into(status, sizeof(status), "%d", last);
        word = (struct word){status, strlen(status)};
    }
    if (n + word.length + 2 > sizeof(c->line))
        return job_complain("a command is too long", "");
    if (n)
        c->line[n++] = ' ';
    memcpy(c->line + n, word.text, word.length);
    c->line[n + word.length] = 0;
    return 1;
}

static int add_file(struct command *c, char kind, const char **s)
{
    char *name = kind == '<' ? c->from : c->to, *words[2];
    char text[LINE_SIZE];
    struct word w;

    if (take_token(s, &w) != WORD)
        return job_complain(" needs the name of a file behind it",
                            kind == '<'   ? "<"
                            : kind == '>' ? ">"
                                          : ">>");
    if (*name)
        return job_complain(" stands twice in one command",
                            kind == '<' ? "<" : ">");
    memcpy(text, w.text, w.length);
    text[w.length] = 0;
    if (split_words(text, words, 1) != 1 || strlen(words[0]) >= NAME_SIZE)
        return job_complain("the name of a file has 1 to 15 characters", "");
    str_copy(name, words[0], NAME_SIZE);
    c->flags =
        OPEN_WRITE | OPEN_CREATE | (kind == APPEND ? OPEN_APPEND : OPEN_EMPTY);
    return 1;
}

/* Whether the command that ends here, at the token, is a whole one. */
static int is_whole(const struct job *job, char token)
{
    const struct command *c = &job->command[job->count];
    char name[] = {'"', token, '"', 0};

    if (!c->line[0] && token)
        return job_complain(": a command should stand before it", name);
    if (!c->line[0])
        return job_complain("the line ends where a command should stand", "");
    if (job->count && c->from[0])
        return job_complain("a command behind | has its input from there, not "
                            "from a file",
                            "");
    if (token == '|' && c->to[0])
        return job_complain(
            "a command before | has its output go there, not to "
            "a file",
            "");
    return 1;
}

int job_parse(const char **s, struct job *job, int status)
{
    struct command *c = job->command;
    struct word w;
    char token;

    memset(job, 0, sizeof(*job));
    while (is_blank(**s))
        (*s)++;
    if (!**s)
        return 0;
    for (;;) {
        token = take_token(s, &w);
        if (token == OPEN_QUOTE)
            return job_complain("a quotation mark is not closed", "");
        if (token == WORD) {
            if (!add_word(c, &w, status))
                return 0;
        } else if (token == '<' || token == '>' || token == APPEND) {
            if (!add_file(c, token, s))
                return 0;
        } else {
            if (!is_whole(job, token))
                return 0;
            job->count++;
            if (token != '|')
                break;
            if (job->count == COMMANDS)
                return job_complain("a job has at most 8 commands", "");
            c++;
        }
    }
    job->background = token == '&';
    return 1;
}
