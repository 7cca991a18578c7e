"""SSH signatures: what OpenSSH makes is accepted, and nothing near it is."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import ssh_key, sshsig
from countermark_ledger.canonical import b64encode
from countermark_ledger.errors import BadSignature, LedgerError, Malformed, TooLarge, UnsafeKey
from countermark_ledger.sshsig import PublicKey, Signature, parse_public_key, verify

MESSAGE = b"a message\n"
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
P256 = ec.derive_private_key(7, ec.SECP256R1())
P384 = ec.derive_private_key(7, ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
ORDER_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def string(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def mpint(value: int) -> bytes:
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PublicFormat.UncompressedPoint
    return key.public_key().public_bytes(serialization.Encoding.X962, form)


def ed25519_blob(raw: bytes = ED25519.public_key().public_bytes_raw()) -> bytes:
    return string(b"ssh-ed25519") + string(raw)


def ecdsa_blob(key: ec.EllipticCurvePrivateKey, curve: bytes) -> bytes:
    return string(b"ecdsa-sha2-" + curve) + string(curve) + string(point(key))


def rsa_blob(key: rsa.RSAPrivateKey = RSA, *, exponent: int | None = None) -> bytes:
    numbers = key.public_key().public_numbers()
    return string(b"ssh-rsa") + mpint(exponent or numbers.e) + mpint(numbers.n)


SK_ED25519_BLOB = (
    string(b"sk-ssh-ed25519@openssh.com") + string(ED25519.public_key().public_bytes_raw()) + string(b"ssh:")
)
SK_ECDSA_BLOB = (
    string(b"sk-ecdsa-sha2-nistp256@openssh.com") + string(b"nistp256") + string(point(P256)) + string(b"ssh:")
)


def ecdsa(key: ec.EllipticCurvePrivateKey, algorithm: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        return string(b"".join(map(mpint, decode_dss_signature(key.sign(data, ec.ECDSA(algorithm))))))

    return sign


def touched(inner: Callable[[bytes], bytes], flags: int = 1) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        tail = bytes([flags]) + (5).to_bytes(4, "big")
        return inner(hashlib.sha256(b"ssh:").digest() + tail + hashlib.sha256(data).digest()) + tail

    return sign


def by_ed25519(data: bytes) -> bytes:
    return string(ED25519.sign(data))


def by_rsa(algorithm: hashes.HashAlgorithm) -> Callable[[bytes], bytes]:
    return lambda data: string(RSA.sign(data, padding.PKCS1v15(), algorithm))


def raw_signature(  # noqa: PLR0913  # every field of the format, so that each can lie
    blob: bytes,
    name: bytes,
    sign: Callable[[bytes], bytes],
    *,
    message: bytes = MESSAGE,
    namespace: bytes = b"git",
    reserved: bytes = b"",
    hash_name: bytes = b"sha512",
    version: int = 1,
    magic: bytes = b"SSHSIG",
    tail: bytes = b"",
) -> bytes:
    digest = hashlib.new("sha256" if hash_name == b"sha256" else "sha512", message).digest()
    signed = b"SSHSIG" + string(namespace) + string(reserved) + string(hash_name) + string(digest)
    made = string(string(name) + sign(signed))
    fields = string(blob) + string(namespace) + string(reserved) + string(hash_name) + made
    return magic + version.to_bytes(4, "big") + fields + tail


def armor(raw: bytes, width: int = 70) -> bytes:
    text = b64encode(raw).encode()
    lines = b"".join(text[at : at + width] + b"\n" for at in range(0, len(text), width))
    return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"


KINDS = {
    "ed25519": (ed25519_blob(), b"ssh-ed25519", by_ed25519),
    "p256": (ecdsa_blob(P256, b"nistp256"), b"ecdsa-sha2-nistp256", ecdsa(P256, hashes.SHA256())),
    "p384": (ecdsa_blob(P384, b"nistp384"), b"ecdsa-sha2-nistp384", ecdsa(P384, hashes.SHA384())),
    "rsa-sha256": (rsa_blob(), b"rsa-sha2-256", by_rsa(hashes.SHA256())),
    "rsa-sha512": (rsa_blob(), b"rsa-sha2-512", by_rsa(hashes.SHA512())),
    "sk-ed25519": (SK_ED25519_BLOB, b"sk-ssh-ed25519@openssh.com", touched(by_ed25519)),
    "sk-ecdsa": (
        SK_ECDSA_BLOB,
        b"sk-ecdsa-sha2-nistp256@openssh.com",
        touched(ecdsa(P256, hashes.SHA256())),
    ),
}
GOOD = raw_signature(*KINDS["ed25519"])
KEY = PublicKey.parse(ed25519_blob())


def check(armored: bytes, *, key: PublicKey = KEY, message: bytes = MESSAGE, namespace: str = "git") -> PublicKey:
    return verify(armored, message=message, namespace=namespace, allowed=[key])


@pytest.mark.parametrize("hash_name", [b"sha256", b"sha512"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_of_every_accepted_kind_verifies(kind: str, hash_name: bytes) -> None:
    key = PublicKey.parse(KINDS[kind][0])
    made = armor(raw_signature(*KINDS[kind], hash_name=hash_name))
    assert check(made, key=key) == key
    with pytest.raises(BadSignature):
        check(made, key=key, message=MESSAGE + b"x")


@pytest.mark.parametrize("kind", [("ed25519",), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "384"), ("rsa", "-b", "2048")])
def test_what_openssh_signs_verifies(tmp_path: Path, ssh_keygen: str, kind: tuple[str, ...]) -> None:
    key = tmp_path / "key"
    subprocess.run([ssh_keygen, "-q", "-t", *kind, "-N", "", "-C", "who", "-f", str(key)], check=True)
    command = [ssh_keygen, "-q", "-Y", "sign", "-n", "git", "-f", str(key)]
    made = subprocess.run(command, input=MESSAGE, capture_output=True, check=True).stdout
    public = parse_public_key(key.with_suffix(".pub").read_text())
    assert check(made, key=public) == public
    listed = subprocess.run([ssh_keygen, "-lf", str(key)], capture_output=True, check=True).stdout.decode()
    assert listed.split()[1] == public.fingerprint


@pytest.mark.parametrize("width", [64, 70, 76])
def test_armor_of_any_customary_width_is_read(width: int) -> None:
    assert check(armor(GOOD, width)) == KEY
    assert check(armor(GOOD, width).removesuffix(b"\n")) == KEY


def test_a_parsed_signature_is_spelled_back() -> None:
    assert Signature.parse(armor(GOOD)).encode() == GOOD


@given(st.binary(max_size=200))
def test_what_is_accepted_as_a_signature_is_spelled_back(raw: bytes) -> None:
    for candidate in (raw, b"SSHSIG\0\0\0\x01" + raw):
        try:
            parsed = Signature.parse(armor(candidate))
        except Malformed:
            continue
        assert parsed.encode() == candidate


TEXT = armor(GOOD)
LINES = TEXT.splitlines(keepends=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"".join(LINES[1:]), id="no-begin"),
        pytest.param(b"".join(LINES[:-1]), id="no-end"),
        pytest.param(LINES[0] + LINES[-1], id="no-body"),
        pytest.param(b"\n" + TEXT, id="text-before"),
        pytest.param(TEXT + b"\n", id="text-after"),
        pytest.param(TEXT + TEXT, id="two-signatures"),
        pytest.param(TEXT.replace(b"\n", b"\r\n"), id="carriage-returns"),
        pytest.param(TEXT.replace(LINES[1], LINES[1][:9] + b"\n" + LINES[1][9:]), id="a-ragged-line"),
        pytest.param(TEXT.replace(LINES[1], LINES[1] + b"\n"), id="an-empty-line"),
        pytest.param(TEXT.replace(LINES[1], b" " + LINES[1]), id="a-space"),
        pytest.param(TEXT.replace(LINES[1], b"*" + LINES[1][1:]), id="another-alphabet"),
        pytest.param(armor(GOOD, 77), id="lines-too-long"),
        pytest.param(armor(b"x" * 64)[:-30] + b"=" + armor(b"x" * 64)[-30:], id="padding-too-many"),
        pytest.param(TEXT.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"), id="another-armor"),
    ],
)
def test_a_second_spelling_of_the_armor_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        check(text)


def test_armor_beyond_the_cap_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        check(b"x" * (sshsig.MAX_ARMOR + 1))


@pytest.mark.parametrize(
    "lie",
    [
        {"magic": b"SSHSIX"},
        {"version": 0},
        {"version": 2},
        {"reserved": b"x"},
        {"hash_name": b"sha1"},
        {"hash_name": b"SHA512"},
        {"tail": b"\0"},
        {"tail": string(b"more")},
    ],
    ids=str,
)
def test_a_signature_outside_the_format_is_malformed(lie: dict) -> None:
    with pytest.raises(Malformed):
        check(armor(raw_signature(*KINDS["ed25519"], **lie)))


@pytest.mark.parametrize("namespace", [b"file", b"", b"git\0", b"gi", b"Git"])
def test_a_signature_for_another_purpose_is_refused(namespace: bytes) -> None:
    with pytest.raises(BadSignature, match="namespace"):
        check(armor(raw_signature(*KINDS["ed25519"], namespace=namespace)))


@pytest.mark.parametrize(
    ("kind", "name", "sign"),
    [
        pytest.param("rsa-sha256", b"ssh-rsa", by_rsa(hashes.SHA1()), id="rsa-with-sha1"),  # noqa: S303  # the attack
        pytest.param("rsa-sha256", b"rsa-sha2-512", by_rsa(hashes.SHA256()), id="rsa-that-names-another-hash"),
        pytest.param("ed25519", b"ssh-rsa", by_ed25519, id="ed25519-that-names-rsa"),
        pytest.param("p256", b"ecdsa-sha2-nistp384", KINDS["p256"][2], id="p256-that-names-p384"),
        pytest.param("p384", b"ecdsa-sha2-nistp384", ecdsa(P384, hashes.SHA256()), id="p384-with-sha256"),
        pytest.param("ed25519", b"ssh-ed25519", lambda data: string(ED25519.sign(data)[:63]), id="short-ed25519"),
        pytest.param("rsa-sha256", b"rsa-sha2-256", lambda data: string(b"x" * 255), id="short-rsa"),
        pytest.param("sk-ed25519", KINDS["sk-ed25519"][1], touched(by_ed25519, flags=0), id="nobody-touched-the-key"),
        pytest.param("sk-ed25519", b"ssh-ed25519", touched(by_ed25519), id="security-key-as-plain-key"),
    ],
)
def test_a_signature_by_a_weaker_or_another_algorithm_is_refused(
    kind: str, name: bytes, sign: Callable[[bytes], bytes]
) -> None:
    blob = KINDS[kind][0]
    with pytest.raises(BadSignature):
        check(armor(raw_signature(blob, name, sign)), key=PublicKey.parse(blob))


def _padded(data: bytes) -> bytes:
    r, s = decode_dss_signature(P256.sign(data, ec.ECDSA(hashes.SHA256())))
    return string(string(b"\0\0" + r.to_bytes(32, "big")) + mpint(s))


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        pytest.param("ed25519", lambda data: by_ed25519(data) + b"\0", id="trailing-byte"),
        pytest.param("rsa-sha256", lambda data: KINDS["rsa-sha256"][2](data) + b"\0", id="trailing-byte-rsa"),
        pytest.param("p256", lambda data: KINDS["p256"][2](data) + b"\0", id="trailing-byte-ecdsa"),
        pytest.param("p256", lambda data: string(KINDS["p256"][2](data)[4:] + b"\0"), id="a-third-number"),
        pytest.param("p256", lambda _: string(mpint(5)), id="one-number"),
        pytest.param("p256", lambda _: string(string(b"") + mpint(5)), id="zero"),
        pytest.param("p256", lambda _: string(string(b"\x80") + mpint(5)), id="negative"),
        pytest.param("p256", _padded, id="padded-number"),
        pytest.param("sk-ed25519", by_ed25519, id="security-key-without-its-counter"),
        pytest.param("sk-ed25519", lambda data: touched(by_ed25519)(data) + b"\0", id="trailing-byte-sk"),
        pytest.param("ed25519", lambda _: b"", id="nothing"),
        pytest.param("ed25519", lambda _: b"\xff\xff\xff\xff", id="a-length-beyond-the-end"),
    ],
)
def test_signature_data_that_is_not_the_one_spelling_is_malformed(kind: str, sign: Callable[[bytes], bytes]) -> None:
    blob, name, _ = KINDS[kind]
    with pytest.raises(Malformed):
        check(armor(raw_signature(blob, name, sign)), key=PublicKey.parse(blob))


def test_an_ecdsa_signature_of_zero_or_the_order_is_refused() -> None:
    blob, name, _ = KINDS["p256"]
    for r, s in ((ORDER_P256, 1), (1, ORDER_P256)):
        with pytest.raises(BadSignature):
            check(
                armor(raw_signature(blob, name, lambda _, r=r, s=s: string(mpint(r) + mpint(s)))), key=PublicKey(blob)
            )


def test_a_second_spelling_of_an_ed25519_signature_is_refused() -> None:
    """Adding the group's order to S gives other bytes for the same equation."""
    order = 2**252 + 27742317777372353535851937790883648493

    def malleable(data: bytes) -> bytes:
        made = ED25519.sign(data)
        return string(made[:32] + (int.from_bytes(made[32:], "little") + order).to_bytes(32, "little"))

    with pytest.raises(BadSignature):
        check(armor(raw_signature(ed25519_blob(), b"ssh-ed25519", malleable)))


def test_every_flipped_bit_of_a_signature_is_refused() -> None:
    for at in range(len(GOOD)):
        mutant = GOOD[:at] + bytes([GOOD[at] ^ 1]) + GOOD[at + 1 :]
        with pytest.raises(LedgerError):
            check(armor(mutant))


def test_the_key_inside_a_signature_is_never_taken_on_trust() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    made = armor(
        raw_signature(
            ed25519_blob(stranger.public_key().public_bytes_raw()),
            b"ssh-ed25519",
            lambda data: string(stranger.sign(data)),
        )
    )
    with pytest.raises(BadSignature, match="not an allowed key"):
        check(made)
    with pytest.raises(BadSignature, match="not an allowed key"):
        verify(made, message=MESSAGE, namespace="git", allowed=[])


# --- public keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_line_is_spelled_back_without_its_comment(kind: str) -> None:
    key = PublicKey.parse(KINDS[kind][0])
    assert parse_public_key(key.line()) == key
    assert parse_public_key(key.line() + " who@where and when\n") == key
    assert key.line().startswith(key.kind + " ")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="empty"),
        pytest.param("ssh-ed25519", id="no-key"),
        pytest.param(b64encode(ed25519_blob()), id="no-type"),
        pytest.param('command="x" ' + KEY.line(), id="options"),
        pytest.param("ssh-rsa " + b64encode(ed25519_blob()), id="a-type-that-lies"),
        pytest.param(KEY.line() + "\n" + KEY.line(), id="two-lines"),
        pytest.param(" " + KEY.line(), id="leading-space"),
        pytest.param(KEY.line().replace(" ", "  "), id="two-spaces"),
        pytest.param(KEY.line() + "=", id="base64-tail"),
        pytest.param("ssh-ed25519 " + b64encode(ed25519_blob() + b"\0"), id="trailing-byte"),
        pytest.param("ssh-ed25519 " + b64encode(ed25519_blob()[:-1]), id="cut-short"),
        pytest.param(KEY.line() + " com\x1bment", id="control-character"),
        pytest.param(
            "ecdsa-sha2-nistp256 "
            + b64encode(string(b"ecdsa-sha2-nistp256") + string(b"nistp384") + string(point(P256))),
            id="a-curve-that-lies",
        ),
        pytest.param(
            "ecdsa-sha2-nistp256 "
            + b64encode(string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\x02" + point(P256)[1:33])),
            id="compressed-point",
        ),
        pytest.param(
            "ecdsa-sha2-nistp256 "
            + b64encode(string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\x06" + point(P256)[1:])),
            id="hybrid-point",
        ),
    ],
)
def test_a_line_that_is_not_one_public_key_is_refused(line: str) -> None:
    with pytest.raises(Malformed):
        parse_public_key(line)


def test_a_line_beyond_the_cap_is_refused() -> None:
    with pytest.raises(TooLarge):
        parse_public_key("x" * (ssh_key.MAX_KEY_LINE + 1))


@pytest.mark.parametrize(
    ("blob", "because"),
    [
        pytest.param(ed25519_blob(b"\x01" + b"\0" * 31), "small order", id="ed25519-small-order"),
        pytest.param(ed25519_blob(b"\xff" * 32), "canonical", id="ed25519-second-spelling"),
        pytest.param(ed25519_blob(b"\x02" + b"\0" * 31), "curve", id="ed25519-off-the-curve"),
        pytest.param(ed25519_blob(b"x"), "32 bytes", id="ed25519-short"),
        pytest.param(
            SK_ED25519_BLOB.replace(ED25519.public_key().public_bytes_raw(), b"\x01" + b"\0" * 31),
            "small order",
            id="sk-ed25519-small-order",
        ),
        pytest.param(ecdsa_blob(P256, b"nistp256")[:-1] + b"\0", "not a point of secp256r1", id="ecdsa-off-the-curve"),
        pytest.param(string(b"ssh-rsa") + mpint(65537) + mpint((1 << 1023) + 1), "1024", id="rsa-1024"),
        pytest.param(string(b"ssh-rsa") + mpint(65537) + mpint((1 << 9000) + 1), "9001", id="rsa-huge"),
        pytest.param(string(b"ssh-rsa") + mpint(65537) + mpint(1 << 2047), "2048", id="rsa-even"),
        pytest.param(rsa_blob(exponent=1), "exponent", id="rsa-exponent-1"),
        pytest.param(rsa_blob(exponent=3), "exponent", id="rsa-exponent-3"),
        pytest.param(string(b"ssh-dss") + string(b"x"), "ssh-dss", id="dsa"),
        pytest.param(string(b"ecdsa-sha2-nistp521") + string(b"x"), "nistp521", id="p521"),
        pytest.param(string(b"ssh-ed25519-cert-v01@openssh.com") + string(b"x"), "cert", id="certificate"),
    ],
)
def test_a_key_under_which_a_signature_proves_little_is_refused(blob: bytes, because: str) -> None:
    with pytest.raises(UnsafeKey, match=because):
        PublicKey.parse(blob)
