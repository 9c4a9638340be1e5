"""room send: what the guard finds is told by kind, in both languages, and a person is asked."""

from __future__ import annotations

from argparse import Namespace

import pytest
from e2ee_client import guard
from e2ee_client.cli import arguments
from e2ee_client.cli.before_sending import look_before_sending
from e2ee_client.cli.failures import Refused
from e2ee_client.cli.session import Session
from e2ee_client.cli.terminal import Terminal
from e2ee_client.cli.texts import Texts

TEXT = "Zahlung an DE89 3704 0044 0532 0130 00, ich bin krankgeschrieben"


class _Answering(Session):
    def __init__(self, language: str, answer: str, *, pack: list[str], yes: bool = False) -> None:
        super().__init__(Namespace(pack=pack, yes=yes), Texts(language), Terminal(), arguments.parse)
        self.answer = answer
        self.asked: list[str] = []

    async def ask(self, question: str, without_terminal: str = "confirm.missing") -> str:
        self.asked.append(question)
        return self.answer


@pytest.mark.parametrize(
    ("language", "answer", "words"),
    [("de", "j", ("Kontonummer (IBAN)", "Gesundheit")), ("en", "yes", ("account number (IBAN)", "health"))],
)
async def test_what_was_found_is_told_without_its_value(
    language: str, answer: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    session = _Answering(language, answer, pack=["health"])
    await look_before_sending(session, TEXT)
    said = capsys.readouterr()
    assert all(word in said.err for word in words)
    assert "DE89" not in said.err + said.out + "".join(session.asked)
    assert len(session.asked) == 1


async def test_a_person_who_declines_sends_nothing() -> None:
    with pytest.raises(Refused) as refused:
        await look_before_sending(_Answering("de", "n", pack=[]), TEXT)
    assert refused.value.code == "confirm.declined"


async def test_nothing_is_asked_where_nothing_was_found_or_with_yes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for session, text in (
        (_Answering("en", "", pack=[], yes=True), TEXT),
        (_Answering("en", "", pack=list(guard.PACKS)), "Is breakfast included?"),
    ):
        await look_before_sending(session, text)
        assert session.asked == []
    assert capsys.readouterr().err.count("This text may hold") == 1


def test_each_kind_that_is_looked_for_has_words_in_both_languages() -> None:
    for language in ("de", "en"):
        texts = Texts(language)
        assert all(texts.has(f"guard.{kind.value}") for kind in guard.DEFAULT_KINDS)
        assert all(texts.has(f"guard.{pack}") for pack in guard.PACKS)
