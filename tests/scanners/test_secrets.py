"""Secrets: found however they are written, told from placeholders, and never repeated by what is said of them."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable

import pytest

from countermark_scanners import secrets
from countermark_scanners.errors import Unreadable
from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.secrets import assignments, credible, tokens, views
from countermark_scanners.tool import ToolLimits

HEX, LOWER = "0123456789abcdef", "abcdefghijklmnopqrstuvwxyz"
UPPER, DIGITS = LOWER.upper(), "0123456789"
BASE62 = DIGITS + UPPER + LOWER
ALPHABETS = {
    "h": HEX,
    "a": BASE62,
    "u": UPPER + DIGITS,
    "l": LOWER + DIGITS,
    "d": DIGITS,
    "k": "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}
# A credential is spelled as fixed text with `{<alphabet><length>}` where its provider draws characters.
SHAPES = {
    "AWS access key": "AKIA{k16}",
    "Google API key": "AIza{a35}",
    "Google OAuth secret": "GOCSPX-{a28}",
    "Azure client secret": "a8{a1}8Q~{a31}",
    "Alibaba Cloud access key": "LTAI{a20}",
    "DigitalOcean token": "dop_v1_{h64}",
    "Heroku key": "HRKU-{h8}-{h4}-{h4}-{h4}-{h12}",
    "Netlify token": "nfp_{a36}",
    "GitHub fine-grained token": "github_pat_{a22}_{a59}",
    "GitLab token": "glpat-{a20}",
    "Atlassian": "ATATT3{a186}",
    "PyPI token": "pypi-AgEIcHlwaS5vcmc{a120}",
    "RubyGems key": "rubygems_{h48}",
    "NuGet key": "oy2{l43}",
    "Docker Hub token": "dckr_pat_{a27}",
    "JFrog token": "AKCp{a69}",
    "Buildkite token": "bkua_{h40}",
    "CircleCI token": "CCIPAT_{a22}_{h40}",
    "SonarQube token": "squ_{h40}",
    "Terraform Cloud token": "{a14}.atlasv1.{a66}",
    "Pulumi token": "pul-{h40}",
    "Vault token": "hvs.{a95}",
    "Doppler token": "dp.pt.{a43}",
    "OpenAI key": "sk-proj-{a48}T3BlbkFJ{a48}",
    "Anthropic key": "sk-ant-api03-{a93}AA",
    "Hugging Face token": "hf_{a34}",
    "Groq key": "gsk_{a52}",
    "Replicate token": "r8_{a37}",
    "Databricks token": "dapi{h32}",
    "PlanetScale credential": "pscale_tkn_{a43}",
    "Supabase secret key": "sbp_{h40}",
    "Airtable token": "pat{a14}.{h64}",
    "New Relic key": "NRAK-{u27}",
    "Sentry user token": "sntryu_{h64}",
    "Dynatrace token": "dt0c01.{u24}.{u64}",
    "Slack token": "xoxb-{d12}-{d12}-{a24}",
    "Slack webhook": "https://hooks.slack.com/services/T{u8}/B{u10}/{a24}",
    "Discord webhook": "https://discord.com/api/webhooks/{d18}/{a68}",
    "Telegram bot token": "{d10}:A{a34}",
    "Twilio key": "SK{h32}",
    "SendGrid key": "SG.{a22}.{a43}",
    "Mailchimp key": "{h32}-us14",
    "Mailgun key": "key-{h32}",
    "Brevo key": "xkeysib-{h64}-{a16}",
    "Stripe secret key": "sk_live_{a24}",
    "Shopify token": "shpat_{h32}",
    "Square token": "sq0atp-{a22}",
    "Plaid token": "access-production-{h8}-{h4}-{h4}-{h4}-{h12}",
    "Notion token": "ntn_{d11}{a35}",
    "Linear key": "lin_api_{a40}",
    "Figma token": "figd_{a40}",
    "HubSpot token": "pat-na1-{h8}-{h4}-{h4}-{h4}-{h12}",
    "Postman key": "PMAK-{h24}-{h34}",
    "age secret key": "AGE-SECRET-KEY-1{k0}QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPRZ9YX8FG2VTDW0S3NJ45KHEC",
}
TEMPLATES = {
    "python": "client = connect(token='%s')\n",
    "javascript": "const key = `%s`;\n",
    "unknown-text": "ask me for %s if you need it\n",
    "shell": "curl https://api.acme.dev/?key=%s\n",
    "json": '{"note": "first line\\n%s\\nlast"}\n',
}


def drawn(shape: str, seed: int) -> tuple[str, list[str]]:
    """Fill a shape; give it, and the parts that were drawn."""
    draw, whole, parts = random.Random(f"{shape}{seed}"), "", []  # noqa: S311  # repeatable
    for piece in shape.split("{"):
        spec, closed, rest = piece.partition("}")
        if closed:
            parts.append("".join(draw.choices(ALPHABETS[spec[0]], k=int(spec[1:]))))
            whole += parts[-1] + rest
        else:
            whole += piece
    return whole, parts


def look(text: str | bytes, language: str = "python") -> list[Hit]:
    return secrets.look(Question(language, text.encode() if isinstance(text, str) else text))


def rules(hits: list[Hit]) -> set[str]:
    return {hit.rule.removeprefix("countermark/") for hit in hits}


@pytest.mark.parametrize("language", sorted(TEMPLATES))
@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_a_providers_credential_is_found_by_its_shape_and_never_repeated(kind: str, language: str) -> None:
    value, parts = drawn(SHAPES[kind], 1)
    hits = look(TEMPLATES[language] % value, language)
    weak = kind == "Google API key" and language in {"unknown-text", "json"}  # in prose
    assert any("provider-token" in hit.rule and (hit.severity >= Severity.MEDIUM or weak) for hit in hits), value
    for hit in hits:
        said = f"{hit.rule} {hit.message} {hit.remediation}"
        windows = {part[at : at + 5] for part in parts for at in range(max(0, len(part) - 4))}
        assert not [window for window in windows if window in said]


@pytest.mark.parametrize("seed", range(200))
def test_nothing_that_is_said_holds_more_of_a_secret_than_its_first_four_characters(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  # repeatable
    value = "".join(draw.choices(BASE62 + "+/!#-", k=draw.randint(12, 60)))
    name = draw.choice(["password", "api_key", "AUTH_TOKEN", "clientSecret", "credentials"])
    form = draw.choice(["{n} = '{v}'\n", "{n}: {v}\n", '{{"{n}": "{v}"}}\n', "x://u:{v}@h.acme.dev/\n", "--{n} {v}\n"])
    for hit in look(form.format(n=name, v=value), "yaml"):
        said = f"{hit.rule} {hit.message} {hit.remediation} {hit.line} {hit.column}"
        assert not [at for at in range(len(value) - 4) if value[at : at + 5] in said]


def test_every_shape_has_marks_that_a_match_must_hold() -> None:
    shapes = tokens.shapes()
    assert len(shapes) >= 120
    assert len({shape.kind for shape in shapes}) == len(shapes)
    assert all(shape.marks and all(mark == mark.lower() for mark in shape.marks) for shape in shapes)
    assert {shape.check for shape in shapes} - {""} == set(tokens.CHECKS)


def _base62(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits.rjust(6, "0")


@pytest.mark.parametrize("prefix", ["ghp_", "npm_"])
def test_check_digits_tell_an_issued_token_from_an_invented_one(prefix: str) -> None:
    body, _ = drawn("{a30}", 7)
    issued = prefix + body + _base62(zlib.crc32(body.encode()))
    invented = issued[:-1] + ("a" if issued[-1] != "a" else "b")
    (real,), (other,) = look(f'x = "{issued}"\n'), look(f'x = "{invented}"\n')
    assert (real.severity, real.confidence) == (Severity.HIGH, Confidence.CONFIRMED)
    assert (other.severity, other.confidence) == (Severity.MEDIUM, Confidence.MEDIUM)


SECRET = "q7Zp-3mXv9Lt2Kc8Wb5N"
WRITTEN = {
    "python": ("python", f'auth_token = "{SECRET}"\n'),
    "typed": ("python", f'auth_token: str = "{SECRET}"\n'),
    "keyword": ("python", f'connect(auth_token="{SECRET}")\n'),
    "dictionary": ("python", f'config["auth_token"] = "{SECRET}"\n'),
    "bytes": ("python", f'AUTH_TOKEN = b"{SECRET}"\n'),
    "comment": ("python", f"# auth_token: {SECRET}\n"),
    "adjacent": ("python", f'auth_token = ("{SECRET[:9]}"\n              "{SECRET[9:]}")\n'),
    "added": ("javascript", f"const authToken = '{SECRET[:9]}' +\n  '{SECRET[9:]}';\n"),
    "three-parts": ("javascript", f"const authToken = '{SECRET[:6]}' + '{SECRET[6:11]}' + \"{SECRET[11:]}\";\n"),
    "dotted": ("php", f"$auth_token = '{SECRET[:9]}' . '{SECRET[9:]}';\n"),
    "go": ("go", f'authToken := "{SECRET}"\n'),
    "kotlin": ("kotlin", f'val authToken: String = "{SECRET}"\n'),
    "c": ("c", f'#define AUTH_TOKEN "{SECRET}"\n'),
    "yaml": ("yaml", f"auth_token: {SECRET}\n"),
    "env": ("unknown-text", f"AUTH_TOKEN={SECRET}\n"),
    "export": ("shell", f"export AUTH_TOKEN={SECRET}\n"),
    "dockerfile": ("dockerfile", f"ENV AUTH_TOKEN={SECRET}\n"),
    "kubernetes": ("yaml", f'- name: AUTH_TOKEN\n  value: "{SECRET}"\n'),
    "option": ("shell", f"deploy --auth-token {SECRET}\n"),
    "json": ("json", f'{{"auth_token": "{SECRET}"}}\n'),
    "escaped-json": ("notebook", json.dumps({"source": [f'auth_token = "{SECRET}"\n']})),
    "xml": ("xml", f"<authToken>\n  {SECRET}\n</authToken>\n"),
    "attributes": ("xml", f'<add key="authToken" value="{SECRET}"/>\n'),
    "ruby": ("ruby", f"auth_token => '{SECRET}'\n"),
    "properties": ("unknown-text", f"service.auth.token={SECRET}\n"),
    "call": ("java", f'System.setProperty("AUTH_TOKEN", "{SECRET}");\n'),
    "header": ("shell", f'curl -H "Authorization: Bearer {SECRET}" x\n'),
    "basic": ("shell", "curl -H 'Authorization: Basic " + base64.b64encode(b"robot:T7v-kQ2mPz").decode() + "' x\n"),
    "curl": ("shell", f"curl -u robot:{SECRET} https://acme.dev\n"),
    "netrc": ("unknown-text", f"machine acme.dev login robot password {SECRET}\n"),
    "base64": ("yaml", "blob: " + base64.b64encode(f"auth_token = '{SECRET}'".encode()).decode() + "\n"),
    "twice-base64": (
        "yaml",
        "blob: " + base64.b64encode(base64.b64encode(f"auth_token = '{SECRET}'".encode())).decode() + "\n",
    ),
    "hexadecimal": ("yaml", "blob: " + f"auth_token = '{SECRET}'".encode().hex() + "\n"),
    "long-line": ("javascript", "x;" * 400_000 + f'authToken="{SECRET}";' + "y;" * 10),
}


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_secret_given_to_a_name_is_found_in_every_syntax(name: str) -> None:
    language, text = WRITTEN[name]
    assert rules(look(text, language)) == {"hard-coded-secret"}


def test_text_in_another_coding_hides_nothing() -> None:
    text = f'auth_token = "{SECRET}"\n'
    assert rules(look(text.encode("utf-16"), "binary")) <= {"hard-coded-secret"}
    assert rules(look(text.encode("utf-16"), "unknown-text")) == {"hard-coded-secret"}
    value, _ = drawn(SHAPES["DigitalOcean token"], 3)
    assert rules(look(b"\x00\x01\xfe" + value.encode() + b"\x00\x02", "binary")) == {"provider-token"}


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["PASSWORD"]',
        "password = settings.database.password2",
        "password: ${DB_PASSWORD_2}",
        'password = "{{ vault.password1 }}"',
        'password = "<password1>"',
        'api_key = "YOUR_API_KEY_1"',
        'api_key = "your-api-key-here-123"',
        'secret = "xxxxxxxxxxxxxxxx1234"',
        'token = "aaaaaaaa11111111"',
        'token = "12345678901234567890"',
        'token = "abcdefghijklmnop1234567"',
        'token_url = "https://login.acme.dev/v2/4f8a9b3c2d1e"',
        'password_hash = "9f86d081884c7d659a2feaa0c55ad015"',
        'public_key = "q7Zp3mXv9Lt2Kc8Wb5NTx0R4"',
        'next_page_token = "q7Zp3mXv9Lt2Kc8Wb5NTx0R4"',
        'primary_key = "q7Zp3mXv9Lt2Kc8Wb5NTx0R4"',
        'author = "q7Zp3mXv9Lt2Kc8Wb5NTx0R4"',
        'keyboard = "q7Zp3mXv9Lt2Kc8Wb5NTx0R4"',
        'password_label = "Passwort2 eingeben"',
        'password = "CleartextPassword1"',
        'token = "my-api-token-1"',
        "assembly, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
        'secret = "config/service2.yaml"',
        "if password == other.password2: pass",
        "token = tokens[index + 12345678]",
        'assert token != "BadTokenError"',
        '"integrity": "sha512-6ulICzy2p8IJWuQ0qUnAYOPLL2cr8BR2cOTMTYNDmLb+wBnsBsAKUPXhJUHk7yVYy5NmHXCsqRnAxE8hRh1nR"',
        "uses: actions/checkout@8f4b7f84864484a7bf31766abf9f91a3a1c9a2b0",
        "postgresql://user:password@localhost/db",
        "https://$USER:$PASSWORD@acme.dev/",
        "https://{user}:{password}@acme.dev/",
        'curl -u "${USER}:${PASSWORD}" https://acme.dev',
        'curl -H "Authorization: Bearer $TOKEN" https://acme.dev',
        "def test_password_of_user_2_is_checked_by_the_service_layer():",
    ],
)
def test_what_stands_where_a_secret_will_stand_is_no_secret(line: str) -> None:
    assert look(line + "\n", "unknown-text") == []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("DB_PASSWORD", "password"),
        ("clientSecret", "secret"),
        ("githubToken", "token"),
        ("api_key", "key"),
        ("awsSecretAccessKey", "key"),
        ("key", None),
        ("monkey", None),
        ("csrf_token", None),
        ("passwordField", None),
        ("client_id", None),
        ("bypass", None),
    ],
)
def test_a_name_says_what_its_value_is(name: str, what: str | None) -> None:
    assert assignments.meaning(name) == what


@pytest.mark.parametrize(
    "value", ["getElementById", "NotImplementedError2", "orders-service-token", "client_request_token"]
)
def test_words_are_told_from_random_characters(value: str) -> None:
    assert credible.is_wordy(value)
    assert not credible.is_wordy(SECRET)


def test_a_public_example_costs_nothing_and_a_changed_one_does() -> None:
    (hit,) = look('key = "AKIAIOSFODNN7EXAMPLE"\n')
    assert (hit.rule, hit.severity) == ("countermark/public-example-secret", Severity.INFO)
    assert rules(look('key = "AKIAIOSFODNN7EXAMPLF"\n')) == {"provider-token"}


def test_an_encrypted_private_key_is_less_than_an_open_one() -> None:
    body = base64.b64encode(b"\x30\x82\x04\xbd" + random.Random(3).randbytes(300)).decode()  # noqa: S311  # repeatable
    levels = {}
    for kind in ("", "ENCRYPTED ", "RSA "):
        (hit,) = look(f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----\n")
        levels[kind] = hit.severity
    assert levels == {"": Severity.HIGH, "ENCRYPTED ": Severity.MEDIUM, "RSA ": Severity.HIGH}


def test_every_place_of_a_secret_is_a_finding_and_a_line_says_it_once() -> None:
    value, _ = drawn(SHAPES["Linear key"], 5)
    hits = look(f'a = "{value}"\nb = "{value}"  # {value}\n')
    assert [(hit.rule, hit.line) for hit in hits] == [
        ("countermark/provider-token", 1),
        ("countermark/provider-token", 2),
    ]


def test_a_file_of_nothing_but_secrets_is_unscanned_instead_of_cut_short() -> None:
    draw = random.Random(1)  # noqa: S311  # repeatable
    lines = [f"token{n} = '" + "".join(draw.choices(BASE62, k=24)) + "'\n" for n in range(5_100)]
    with pytest.raises(Unreadable, match="more than 5000"):
        look("".join(lines))


HOSTILE: dict[str, Callable[[int], str]] = {
    "names": lambda n: "key" * n,
    "open-values": lambda n: 'token:"' * n,
    "quotes": lambda n: '"' * n,
    "joints": lambda n: '"a" + ' * n,
    "spaced-quotes": lambda n: ('"' + " " * 79) * (n // 80),
    "addresses": lambda n: "://a:" * n,
    "headers": lambda n: "authorization: bearer " * (n // 10),
    "armour": lambda n: "-----BEGIN PRIVATE KEY-----" * (n // 20),
    "putty": lambda n: "PuTTY-User-Key-File-2: " * (n // 20),
    "curl": lambda n: "curl -u " * (n // 8),
    "jwt": lambda n: "eyJaaaaaaaaaaa." * (n // 10),
    "dots": lambda n: "aaaaaa." * n,
    "encoded": lambda n: base64.b64encode(b"password is what ").decode() * (n // 20),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_line_is_read_to_its_end(name: str) -> None:
    text = HOSTILE[name](100_000) + f"\nauth_token = '{SECRET}'\n"
    assert "hard-coded-secret" in rules(look(text))


def test_a_joint_needs_literals_on_both_sides() -> None:
    assert views.joined(views.view(b'x = ["", "", ""]\ny = f("", "a")\n')) is None


def test_the_scanner_answers_through_its_process_and_sees_its_canary() -> None:
    answers = secrets.SCANNER.run({"a": Question("python", f'auth_token = "{SECRET}"\n'.encode())}, ToolLimits())
    (hit,) = answers["a"]  # type: ignore[misc]  # an Unscanned would fail the next line
    assert (hit.rule, hit.cwe, hit.line) == ("countermark/hard-coded-secret", 798, 1)
