"""A shop that says who its customer is, on Django: python login_django.py runserver

The page of the room asks for a token, and hands the answer in; Django's own token goes along:
    fetch("/seal/login", {method: "POST", headers: {"X-CSRFToken": csrftoken}, body: challenge})
"""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse, HttpResponseBadRequest
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from e2ee_login import ChallengeInvalid, ChallengeOfAnotherCompany, issue_login_token

if not settings.configured:
    settings.configure(  # A project has these in settings.py.
        SECRET_KEY=os.environ["SESSION_SECRET"],
        ALLOWED_HOSTS=["localhost"],
        ROOT_URLCONF="login_django",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DB"]}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_COOKIE_SAMESITE="Strict",
        SEALROOM_LOGIN_KEY=Path(os.environ["SEALROOM_LOGIN_KEY"]).read_text(),
    )


def seal_login(request: Any) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponse(status=401)
    challenge, subject = request.body.decode("ascii", "replace"), str(request.user.pk)
    key, name = settings.SEALROOM_LOGIN_KEY, request.user.get_full_name() or None
    try:
        token = issue_login_token(key, challenge, subject=subject, name=name)
    except (ChallengeInvalid, ChallengeOfAnotherCompany):
        return HttpResponseBadRequest()
    return HttpResponse(token.encode(), content_type="text/plain")


urlpatterns = [path("seal/login", require_POST(never_cache(seal_login)))]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
