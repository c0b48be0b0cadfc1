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

__all__ = ["certificate_of", "ensure_certificate", "make_expiring"]

_AUTHORITY = "obskit on this machine"
_VALID_DAYS = 90
_RENEW_DAYS = 30


def certificate_of(home: Home) -> Path:
    """Return where the certificate is that clients have to trust."""
    return home.root / "secrets" / "tls" / "localhost.crt"


def make_expiring(home: Home, days: int) -> tuple[Path, Path]:
    """Make a certificate for localhost that ends in *days*, and return it and its key.

    The one that clients trust has signed it, so that they take it as well.

    Raises:
        OSError: the files cannot be read or written.
    """
    authority = x509.load_pem_x509_certificate(certificate_of(home).read_bytes())
    signer = _private_key(certificate_of(home).with_suffix(".key"))
    certificate = certificate_of(home).with_name("expiring.crt")
    key = certificate.with_suffix(".key")
    private = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("localhost", authority.subject, private.public_key(), days, is_authority=False)
    _write(key, private, certificate, builder.sign(signer, hashes.SHA256()))
    return certificate, key


def ensure_certificate(home: Home) -> tuple[Path, Path]:
    """Return the certificate for localhost and its key; makes new ones 30 days before the end.

    The certificate is its own authority: a client that is given the file trusts it and no other.

    Raises:
        StackError: the files cannot be written.
    """
    certificate = certificate_of(home)
    key = certificate.with_suffix(".key")
    if not _is_good(certificate, key):
        try:
            certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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


def _private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        msg = f"{path} holds no EC key; delete it, and the next start makes one."
        raise TypeError(msg)
    return private


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = _name(_AUTHORITY)
    builder = _builder(_AUTHORITY, name, private.public_key(), _VALID_DAYS, is_authority=True)
    _write(key, private, certificate, builder.sign(private, hashes.SHA256()))


def _write(
    key: Path, private: ec.EllipticCurvePrivateKey, certificate: Path, signed: x509.Certificate
) -> None:
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key.unlink(missing_ok=True)  # write_secret keeps what is there
    write_secret(key, pem.decode("ascii"))
    write_atomic(certificate, signed.public_bytes(serialization.Encoding.PEM))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    common: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, days: int, *, is_authority: bool
) -> x509.CertificateBuilder:
    loopback = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([x509.DNSName("localhost"), *loopback]), False),
        (x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), True),
        (_usage(signs=is_authority), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (identifier, False),
    ]
    if is_authority:
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False))
    builder = (
        x509.CertificateBuilder(issuer, _name(common), public, x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder


def _usage(*, signs: bool) -> x509.KeyUsage:
    wanted = {"digital_signature": True, "key_cert_sign": signs}
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
