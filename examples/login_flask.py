"""A shop that says who its customer is, on Flask: flask --app login_flask run

The page of the room asks for a token, and hands the answer in:
    fetch("/seal/login", {method: "POST", headers: {"X-Seal": "login"}, body: challenge})
"""

import hmac
import os
from pathlib import Path

from e2ee_login import ChallengeInvalid, ChallengeOfAnotherCompany, issue_login_token
from flask import Flask, abort, request, session
from flask.typing import ResponseReturnValue

# Yours: a table of users, with hashed passwords.
USERS = {"erika": ("geheim", "4711", "Erika Muster")}
KEEP_NOTHING = {"Cache-Control": "no-store", "Content-Type": "text/plain"}
COOKIES = {"SESSION_COOKIE_SAMESITE": "Strict", "SESSION_COOKIE_SECURE": True, "MAX_CONTENT_LENGTH": 4_096}


def create_app(key: str | None = None, secret: str | None = None) -> Flask:
    login_key = Path(os.environ["SEALROOM_LOGIN_KEY"]).read_text() if key is None else key
    app = Flask(__name__)
    app.config.update(COOKIES, SECRET_KEY=os.environ["SESSION_SECRET"] if secret is None else secret)

    @app.post("/login")
    def login() -> ResponseReturnValue:
        user, password = request.args["user"], request.headers["Password"]
        known = USERS.get(user)
        if known is None or not hmac.compare_digest(known[0].encode(), password.encode()):
            abort(403)
        session["user"] = user
        return "", 204

    @app.post("/seal/login")
    def seal_login() -> ResponseReturnValue:
        if request.headers.get("X-Seal") != "login":  # No page of somebody else can send this header.
            abort(403)
        if (user := USERS.get(session.get("user", ""))) is None:
            abort(401)
        challenge = request.get_data().decode("ascii", "replace")
        try:
            token = issue_login_token(login_key, challenge, subject=user[1], name=user[2])
        except (ChallengeInvalid, ChallengeOfAnotherCompany):
            abort(400)
        return token, KEEP_NOTHING

    return app
