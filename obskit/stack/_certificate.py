"""Makes the certificate that Traefik serves on the loopback interface."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from obskit.errors import StackError
from obskit.stack._files import write_atomic, write_secret
from obskit.stack._home import Home

__all__ = ["ensure_certificate"]

_VALID_DAYS = 90
_RENEW_DAYS = 30


def ensure_certificate(home: Home) -> tuple[Path, Path]:
    """Return the certificate for localhost and its key; makes new ones 30 days before the end.

    The certificate is its own authority: a client that is given the file trusts it and no other.

    Raises:
        StackError: the files cannot be written.
    """
    folder = home.root / "secrets" / "tls"
    certificate, key = folder / "localhost.crt", folder / "localhost.key"
    if not _is_good(certificate, key):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(certificate, key)
        except OSError as error:
            msg = f"The certificate {certificate} cannot be written: {error.strerror}."
            raise StackError(msg, fix="obskit up --home FOLDER, with a folder that you own") from error
    return certificate, key


def _is_good(certificate: Path, key: Path) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return False
    is_pair = private.public_key() == found.public_key()
    return is_pair and found.not_valid_after_utc - datetime.now(UTC) > timedelta(days=_RENEW_DAYS)


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key.unlink(missing_ok=True)  # write_secret keeps what is there
    write_secret(key, pem.decode("ascii"))
    write_atomic(certificate, _signed(private).public_bytes(serialization.Encoding.PEM))


def _signed(private: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "obskit on this machine")])
    loopback = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    now = datetime.now(UTC)
    public = private.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([x509.DNSName("localhost"), *loopback]), False),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ]
    builder = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(private, hashes.SHA256())


def _usage() -> x509.KeyUsage:
    wanted = {"digital_signature": True, "key_cert_sign": True}
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})
