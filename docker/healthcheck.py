"""Asks the server of this container whether it takes requests; the exit status says. The image's health check."""

import http.client
import os
import sys

TIMEOUT_SECONDS = 3.0


def main() -> None:
    """Exit with 0 if the server is ready, else with 1 and a line that says why not."""
    port = int(os.environ.get("POINTGUARD_HTTP_ADDRESS", "127.0.0.1:8080").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"no answer: {error}")
    if status != http.HTTPStatus.OK:
        sys.exit(f"not ready: {status}")


if __name__ == "__main__":
    main()
