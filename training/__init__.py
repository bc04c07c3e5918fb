"""How the bundled sentence encoder is made: tokenizer, training, evaluation, export.  Run `python -m training --help`."""
