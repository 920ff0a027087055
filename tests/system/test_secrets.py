"""Secrets are found in text and settings, and nothing else is masked."""

from __future__ import annotations

import pytest

from dlrun.system.secrets import mask, mask_setting, mask_uri


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://u:p@h", "http://u:***@h"),
        ("postgresql+psycopg2://u:p@ss/w:rd@h:5432/db", "postgresql+psycopg2://u:***@h:5432/db"),
        ("see http://u:p@h/x, and https://token@h/", "see http://u:***@h/x, and https://***@h/"),
        ("https://h/f?sig=a%2F&sv=1&X-Amz-Signature=z", "https://h/f?sig=***&sv=1&X-Amz-Signature=***"),
        ('<a href="http://h:80">x</a> "a@b"', '<a href="http://h:80">x</a> "a@b"'),
        ("http://h:8080/a@b", "http://h:8080/a@b"),
        ("sqlite:///a:b@c", "sqlite:///a:b@c"),
        ("postgresql://me@h/db", "postgresql://me@h/db"),
        ("write me@here.org: key=5", "write me@here.org: key=5"),
    ],
)  # fmt: skip
def test_secrets_in_text(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


def test_a_password_may_have_any_character() -> None:
    assert mask_uri("https://u:it's <a> p w@h/x") == "https://u:***@h/x"


def test_settings_that_are_called_like_secrets() -> None:
    settings = {
        "api_key": "a", "hf_token": "b", "DB_PASSWORD": "c", "n": 3, "pad_token": "[PAD]",
        "design": "d", "token": None, "urls": ["http://u:p@h"],
    }  # fmt: skip
    assert mask_setting("model", settings) == {
        "api_key": "***", "hf_token": "***", "DB_PASSWORD": "***", "n": 3, "pad_token": "[PAD]",
        "design": "d", "token": None, "urls": ["http://u:***@h"],
    }  # fmt: skip
    assert mask_setting("baselines.Own.secret", "s") == "***"


def test_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct horse")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://u:battery%20staple@h")
    monkeypatch.setenv("PGPASSWORD", "short")
    assert mask("correct horse, battery staple, short") == "***, ***, short"
