"""The local OpenID issuer: `python -m deploy.local.issuer PORT`. It takes any client, and anybody at their word."""

import os
import sys
from pathlib import Path

import oidc_provider_mock
import uvicorn
from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

from deploy.local.people import people
from deploy.local.ports import HOST

TEMPLATES = Path(__file__).parent / "templates"


def application() -> Flask:
    """The issuer, which knows the people of `people()` and shows them on a sign-in page of our own."""
    users = [oidc_provider_mock.User(sub=each.sub, claims=each.claims()) for each in people()]
    app: Flask = oidc_provider_mock.app(user_claims=users)
    app.debug = False
    app.jinja_loader = ChoiceLoader([FileSystemLoader(TEMPLATES), app.jinja_loader or FileSystemLoader([])])
    app.jinja_env.globals["people"] = people()
    return app


if __name__ == "__main__":
    # The issuer speaks plain HTTP, on the loopback interface only.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    uvicorn.run(application(), interface="wsgi", host=HOST, port=int(sys.argv[1]))
