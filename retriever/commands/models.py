"""`retriever models`: the encoders known by name."""

import json
from dataclasses import asdict

import click

from retriever.commands.options import CONTEXT, JSON


@click.command(context_settings=CONTEXT)
@JSON
def models(as_json: bool) -> int:
    """List the encoders known by name with their size and licence, and tell which are on this machine.

    Any other sentence-transformers model works too: name it as its hub does, or give the path of its folder.
    """
    from retriever.encoders.catalogue import BUNDLED, files_of, known_models

    line = "{:38} {:>5} {:>8} {:>7}  {:11} {:11} {}"
    if not as_json:
        click.echo(line.format("NAME", "DIM", "TOKENS", "MB", "LANGUAGES", "LICENCE", "STATE"))
    for model in known_models():
        state = "bundled" if model.name == BUNDLED else "present" if files_of(model.name) else "absent"
        if as_json:
            click.echo(json.dumps({**asdict(model), "state": state}, ensure_ascii=False))
        else:
            tokens = model.max_tokens or "any"
            click.echo(
                line.format(model.name, model.dimension, tokens, model.megabytes, model.languages, model.licence, state)
            )
    return 0
