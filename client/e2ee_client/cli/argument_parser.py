"""argparse in our languages: its headings, its own messages, and errors that look like all others."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterable
from typing import Any, NoReturn

from .failures import Refused
from .texts import Texts
from .texts.details import parser_german


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `Refused`."""

    texts: Texts
    words: frozenset[str]
    """The words of the line. Of a command that is none of them its name alone is described: to describe all
    hundred of them took most of the time that a command needs.
    """

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        detail = parser_german(message) if self.texts.language == "de" else message
        raise Refused("usage.invalid", detail=detail, program=self.prog)


def _formatter(texts: Texts) -> type[argparse.HelpFormatter]:
    class Formatter(argparse.RawDescriptionHelpFormatter):
        def add_usage(
            self,
            usage: str | None,
            actions: Iterable[argparse.Action],
            groups: Iterable[Any],
            prefix: str | None = None,
        ) -> None:
            super().add_usage(usage, actions, groups, texts.say("help.usage") if prefix is None else prefix)

    return Formatter


def _worded(settings: dict[str, Any], texts: Texts) -> dict[str, Any]:
    """Return the settings of an argument with the name of its place in our language."""
    place = settings.get("metavar")
    return settings if place is None else {**settings, "metavar": texts.place(place)}


def make_parser(texts: Texts, words: Iterable[str], **settings: Any) -> Parser:
    """Return a parser without arguments, not even `--help`, for a line of these words."""
    parser = Parser(add_help=False, allow_abbrev=False, formatter_class=_formatter(texts), **settings)
    parser.texts, parser.words = texts, frozenset(words)
    return parser


class Command:
    """One command being described: its arguments and options, in groups with our headings.

    Without a parser nothing is: the line does not name it.
    """

    def __init__(self, parser: Parser | None, texts: Texts) -> None:
        self._texts = texts
        self._parser = parser
        if parser is not None:
            self._arguments = parser.add_argument_group(texts.say("help.arguments"))
            self._options = parser.add_argument_group(texts.say("help.options"))

    def default(self, **values: object) -> Command:
        """Set options that nobody gives."""
        if self._parser is not None:
            self._parser.set_defaults(**values)
        return self

    def argument(self, name: str, key: str, **settings: Any) -> Command:
        """Add an argument by its place on the line."""
        if self._parser is not None:
            self._arguments.add_argument(name, help=self._texts.say(key), **_worded(settings, self._texts))
        return self

    def option(self, *names: str, key: str, **settings: Any) -> Command:
        """Add an option; its help may name the default."""
        if self._parser is None:
            return self
        text = self._texts.say(key, default=settings.get("default"))
        self._options.add_argument(*names, help=text, **_worded(settings, self._texts))
        return self

    def switches(self, **keys: str) -> Command:
        """Add options without a value, at most one of which may be given."""
        if self._parser is None:
            return self
        group = self._options.add_mutually_exclusive_group() if len(keys) > 1 else self._options
        for name, key in keys.items():
            flag = f"--{name.replace('_', '-')}"
            group.add_argument(flag, action="store_true", help=self._texts.say(key))
        return self


class CommandGroup:
    """The commands below a parser, one of which has to be given; none below a command that is not named."""

    def __init__(self, parser: Parser | None, texts: Texts, place: str) -> None:
        self._texts = texts
        if parser is None:
            self._words: frozenset[str] | None = None
            return
        self._words = parser.words
        self._action = parser.add_subparsers(
            title=texts.say("help.commands"), dest=place, required=True, metavar=texts.place("COMMAND")
        )

    def add(self, name: str, key: str) -> Parser | None:
        """Add a command and return its parser, or None where the line does not name it."""
        if self._words is None:
            return None
        text = self._texts.say(key)
        formatter = _formatter(self._texts)
        parser = self._action.add_parser(
            name,
            help=text,
            description=textwrap.fill(text, shutil.get_terminal_size().columns - 2),
            add_help=False,
            allow_abbrev=False,
            formatter_class=formatter,
        )
        parser.texts, parser.words = self._texts, self._words
        return parser if name in self._words else None
