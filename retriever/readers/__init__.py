"""Readers turn the text of one source into blocks with exact source spans; one file a family of formats.

`lines` reads plain text and Markdown, where the line is the unit people cite; `html` reads saved web pages.
"""
