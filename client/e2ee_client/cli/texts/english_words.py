"""What the command line says of wordings, questions and ratings, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_WORDS: Final[dict[str, str]] = {
    "help.room.edit": "word a text of this device anew; the earlier wordings stay visible",
    "help.room.ask": "ask the customer: replies to choose from, or a form from a file",
    "help.room.answer": "answer the company's questions; who answers again corrects",
    "help.room.rate": "rate the conversation, with 1 to 5",
    "help.edit_entry": "the beginning of the text's id (room history --ids), or - for the newest one of "
    "this device",
    "help.reply_to": "what it answers: the beginning of its id (room history --ids), or - for the newest of "
    "others",
    "help.ask_title": "the question, at most 200 bytes",
    "help.ask_option": "a reply to choose; several times",
    "help.ask_form": "a file of TOML: title, and [[question]] with label, kind (choice, text, number, "
    "date), options, required",
    "help.answer_entry": "the beginning of the form's id, as the history shows it, or - for the newest one",
    "help.answer_value": "one value for each question: an option or its number, a text, a number, "
    "YYYY-MM-DD; - for none",
    "help.rate_stars": "1 to 5",
    "help.rate_text": "why",
    "help.ids": "show the ids of entries",
    "edit.done": "Worded anew.",
    "ask.done": "Asked ({entry}).",
    "answer.done": "Answered.",
    "rate.done": "Rated. Thank you.",
    "entry.edit": "{name} worded a text anew",
    "entry.edited": "worded anew",
    "entry.reply": "in reply to: {text}",
    "entry.reply_unknown": "in reply to something that is not here",
    "entry.form": "{name} asks: {title} {asked}",
    "entry.form_open": "sealroom room answer ROOM {entry} ...",
    "entry.form_answered": "{entry}, answered",
    "entry.answer": "{name} answered: {said}",
    "entry.answer_unfit": "{name} answered something that does not fit the questions, or they are not here",
    "entry.rating": "{name} rated the conversation: {stars} of 5{why}",
}
