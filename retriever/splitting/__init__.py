"""Splitting: from the kept blocks of a page to question-answer passages, with parents and children.

`segments` cuts lines that hold a question and something else; `styles` finds out how the page marks its questions, `beside` which
ones it marks otherwise, `sections` which titles only stand above them; `pairs` gathers each question's answer; `topics` finds the
parts of long answers; `split.split` puts them together.
"""
