"""The READMEs say what is true: every command is in both, the set-up commands are the same, and the files they name exist."""

import re
import shlex
from pathlib import Path

import pytest

from retriever.cli import main_group
from retriever.commands.ask import ask

ROOT = Path(__file__).resolve().parent.parent
READMES = ["README.md", "README.zh.md"]


def code(name: str) -> list[str]:
    """The shell blocks of a README."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("command", sorted(main_group.commands))
def test_every_command_is_documented(name: str, command: str) -> None:
    assert f"`retriever {command}" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_options_of_ask_are_documented(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    options = {max(option.opts, key=len) for option in ask.params if option.param_type_name == "option"}
    assert {option for option in options - {"--model", "-k"} if option not in text} == set()
    assert "`-k N`" in text


def test_every_command_and_option_has_a_help_text() -> None:
    for command in main_group.commands.values():
        assert command.help
        assert [p.name for p in command.params if p.param_type_name == "option" and not getattr(p, "help", "")] == []


def test_both_readmes_set_up_with_the_same_two_commands() -> None:
    first, second = (code(name)[:2] for name in READMES)
    assert first == second
    for line in first:
        words = shlex.split(line)
        assert words[words.index("-c") + 1] == "constraints.txt"
        assert (ROOT / "constraints.txt").is_file()


@pytest.mark.parametrize("name", [*READMES, "docs/architecture.md"])
def test_links_lead_to_files(name: str) -> None:
    page = ROOT / name
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_architecture_names_every_module() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    modules = {path.stem if path.suffix == ".py" else path.name for path in (ROOT / "retriever").iterdir()}
    modules -= {"__init__", "__pycache__", "models", "bundled_corpus"}
    assert {module for module in modules if f"`{module}`" not in text and f"`{module}/`" not in text} == set()
