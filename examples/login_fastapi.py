"""A shop that says who its customer is, on FastAPI: uvicorn --factory login_fastapi:create_app

The page of the room asks for a token, and hands the answer in:
    fetch("/seal/login", {method: "POST", headers: {"X-Seal": "login"}, body: challenge})
"""

import hmac
import os
from pathlib import Path
from typing import Annotated

from e2ee_login import ChallengeInvalid, ChallengeOfAnotherCompany, issue_login_token
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import PlainTextResponse
from starlette.middleware.sessions import SessionMiddleware

# Yours: a table of users, with hashed passwords.
USERS = {"erika": ("geheim", "4711", "Erika Muster")}
KEEP_NOTHING = {"Cache-Control": "no-store"}


def create_app(key: str | None = None, secret: str | None = None) -> FastAPI:
    login_key = Path(os.environ["SEALROOM_LOGIN_KEY"]).read_text() if key is None else key
    app = FastAPI()
    cookie = os.environ["SESSION_SECRET"] if secret is None else secret
    app.add_middleware(SessionMiddleware, secret_key=cookie, same_site="strict", https_only=True)

    @app.post("/login")
    async def login(request: Request, user: str, password: Annotated[str, Header()]) -> None:
        known = USERS.get(user)
        if known is None or not hmac.compare_digest(known[0].encode(), password.encode()):
            raise HTTPException(403)
        request.session["user"] = user

    @app.post("/seal/login")
    async def seal_login(request: Request, x_seal: Annotated[str, Header()] = "") -> PlainTextResponse:
        if x_seal != "login":  # No page of somebody else can send this header.
            raise HTTPException(403)
        if (user := USERS.get(request.session.get("user", ""))) is None:
            raise HTTPException(401)
        challenge = (await request.body()).decode("ascii", "replace")
        try:
            token = issue_login_token(login_key, challenge, subject=user[1], name=user[2])
        except (ChallengeInvalid, ChallengeOfAnotherCompany):
            raise HTTPException(400) from None
        return PlainTextResponse(token, headers=KEEP_NOTHING)

    return app
