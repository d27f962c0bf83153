# SPDX-License-Identifier: MIT
#
# What scripts/trace-convert is made of: tsdl and types (what a trace says
# about itself), ctf (its records), names and elf (what they are called),
# axis and model (what is counted), perfetto, table and page (what is
# written). Only the standard library is used, and nothing here knows the
# catalogue of events but the table in names.
