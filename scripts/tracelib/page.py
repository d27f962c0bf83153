# SPDX-License-Identifier: MIT
#
# The report as one HTML file: page.html with the style sheet, the programs
# and the data put in. It fetches nothing, and says so to the browser (a
# Content-Security-Policy). The data is JSON in a script element that is not
# run; whatever could end that element is written as an escape, and the
# program puts every text of the trace in as text, so a guest's name cannot
# become markup.
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = {"style": ("page.css",),
         "program": ("plot.js", "charts.js", "page.js")}
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026",
          "\u2028": "\\u2028", "\u2029": "\\u2029"}


def text_of(names):
    parts = []
    for name in names:
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            parts.append(file.read())
    return "\n".join(parts)


def data_text(data):
    text = json.dumps(data, separators=(",", ":"))
    for sign, escape in UNSAFE.items():
        text = text.replace(sign, escape)
    return text


def write(out, data):
    page = text_of(("page.html",))
    for mark, names in PARTS.items():
        page = page.replace(f"@{mark}@", text_of(names))
    head, tail = page.split("@data@")
    out.write(head)
    out.write(data_text(data))
    out.write(tail)
