"""Where the address and the API key come from, and what counts as this machine."""

from pathlib import Path

import pytest

from pointguard_client.channel import open_channel
from pointguard_client.errors import ConfigurationError
from pointguard_client.settings import find_address, find_api_key, is_loopback


@pytest.fixture
def sandbox(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sandbox-api-key").write_text("from-file\n", encoding="utf-8")
    return {"POINTGUARD_DATA_DIR": str(tmp_path)}


def test_an_argument_comes_before_the_environment_and_the_file(sandbox: dict[str, str]) -> None:
    assert find_api_key("from-argument", sandbox | {"POINTGUARD_API_KEY": "from-environment"}) == "from-argument"


def test_the_environment_comes_before_the_file(sandbox: dict[str, str]) -> None:
    assert find_api_key(None, sandbox | {"POINTGUARD_API_KEY": "from-environment"}) == "from-environment"


def test_the_sandbox_key_is_found_in_the_data_directory(sandbox: dict[str, str]) -> None:
    assert find_api_key(None, sandbox) == "from-file"


def test_the_data_directory_is_the_hidden_folder_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".pointguard").mkdir()
    (tmp_path / ".pointguard" / "sandbox-api-key").write_text("from-default", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert find_api_key(None, {}) == "from-default"


def test_without_any_key_the_error_names_the_places_looked_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="POINTGUARD_API_KEY") as caught:
        find_api_key(None, {"POINTGUARD_DATA_DIR": str(tmp_path)})
    assert str(tmp_path / "sandbox-api-key") in str(caught.value)


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "tab\tkey"])
def test_a_key_that_cannot_be_a_header_is_refused_and_never_repeated(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_api_key(key, {})
    assert key not in str(caught.value)


def test_the_address_is_argument_then_environment_then_the_loopback() -> None:
    assert find_address("a:1", {"POINTGUARD_ADDRESS": "b:2"}) == "a:1"
    assert find_address(None, {"POINTGUARD_ADDRESS": "b:2"}) == "b:2"
    assert find_address(None, {}) == "127.0.0.1:50051"


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:50051", True),
        ("127.8.8.8:1", True),
        ("localhost:50051", True),
        ("[::1]:50051", True),
        ("dns:///localhost:50051", True),
        ("unix:/run/pointguard.sock", True),
        ("10.0.0.1:50051", False),
        ("pointguard.example:443", False),
        ("localhost.example:443", False),
        ("127.0.0.1.example:443", False),
        ("dns:///pointguard.example:443", False),
    ],
)
def test_only_this_machine_counts_as_the_loopback(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


async def test_plaintext_with_root_certificates_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        open_channel("127.0.0.1:1", plaintext=True, root_certificates=b"pem")
