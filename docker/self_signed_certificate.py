"""Makes a certificate that signs itself, for trying the server out: SCRIPT FOLDER NAME...

Writes `tls.crt` and `tls.key` for the names, good for a year. Does nothing if the folder has a certificate. Needs the
package `cryptography`, which the server's image holds. Compose runs it before the server's first start.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VALIDITY = timedelta(days=365)
CLOCK_TOLERANCE = timedelta(hours=1)
"""How far behind the maker's clock a client's may be."""


def main(folder: Path, names: list[str]) -> None:
    """Write the two files into ``folder``; the key is readable by its owner alone."""
    certificate_file, key_file = folder / "tls.crt", folder / "tls.key"
    if certificate_file.exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    # Last, because it says that both are there.
    certificate_file.write_bytes(make_certificate(key, names).public_bytes(serialization.Encoding.PEM))


def make_certificate(key: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
    """Return a certificate for ``names``, signed with the key that it is about."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_TOLERANCE)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
