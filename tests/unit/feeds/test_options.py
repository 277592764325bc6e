"""Where to publish, as the options and their variables say; nowhere unless they do."""

import pytest

from pointguard_server.feeds.publishing import Publishing
from pointguard_server.settings import SettingsError, read_settings

SANDBOX = ("--sandbox",)


def test_nothing_is_published_unless_somebody_says_where_to() -> None:
    assert read_settings(SANDBOX, {})[0].publishing == Publishing("", "", "", "")


def test_a_bus_and_a_table_are_named_by_options_or_by_variables() -> None:
    variables = {"POINTGUARD_PUBLISH_DYNAMODB": "AccountMetadata", "POINTGUARD_AWS_REGION": "ca-central-1"}
    settings, _ = read_settings((*SANDBOX, "--publish-eventbridge", "advice"), variables)
    assert settings.publishing == Publishing("advice", "AccountMetadata", "ca-central-1", "")


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="--aws-endpoint"):
        read_settings((*SANDBOX, "--aws-endpoint", "localhost:4566"), {})
