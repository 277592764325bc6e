"""Roles of API keys: what --issue-key takes. That a role allows its calls alone is tested end to end."""

import pytest

from pointguard_server.settings import SettingsError, read_settings

SANDBOX = ("--sandbox",)


@pytest.mark.parametrize(
    ("arguments", "roles"),
    [
        ((), ""),
        (("--issue-key",), "till"),
        (("--issue-key", "--role", "manager"), "manager"),
        (("--issue-key", "--role", "manager", "--role", "till", "--role", "manager"), "manager till"),
    ],
)
def test_a_key_is_issued_for_a_till_unless_roles_are_named(arguments: tuple[str, ...], roles: str) -> None:
    assert read_settings((*SANDBOX, *arguments), {})[1] == roles


def test_a_role_without_a_key_to_issue_is_refused() -> None:
    with pytest.raises(SettingsError, match="--role goes with --issue-key"):
        read_settings((*SANDBOX, "--role", "till"), {})


def test_an_unknown_role_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings((*SANDBOX, "--issue-key", "--role", "king"), {})
    assert "'till', 'manager'" in capsys.readouterr().err
