"""Cleaning: sort the blocks of a page into content and furniture, with a rule and a reason for every drop.

`phrases` knows how furniture words itself, `evidence` what a block's place and structure say, `profile` what a whole site
repeats; `page.clean` weighs them. Nothing here knows a particular site.
"""
