"""Real mail servers for the desk's tests: Debian's Dovecot over IMAP with TLS, aiosmtpd over SMTP with STARTTLS, on
loopback and free ports."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

USER, PASSWORD = "desk", "secret-of-the-desk"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost, which signs itself, and its key."""
    if shutil.which("openssl") is None:
        _missing("openssl", "openssl")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days",
         "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    return cert, key


def _missing(binary: str, package: str) -> None:
    message = f"{binary} is missing: apt-get install {package}. The desk was not tested against it."
    if os.environ.get("PREBILL_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_CONF = """
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
listen = 127.0.0.1
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
mail_location = maildir:{folder}/mail
mail_uid = {uid}
mail_gid = {gid}
auth_mechanisms = plain
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""


@contextmanager
def dovecot() -> Iterator[tuple[int, Path]]:
    """A running Dovecot: its port, and its certificate. It starts as root, and serves as nobody."""
    binary = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        _missing("dovecot", "dovecot-imapd")
    if os.getuid() != 0:
        pytest.skip("dovecot starts its parts as users of their own, which takes root; IMAP was not tested")
    # not pytest's own folder, which nobody but root may enter
    with tempfile.TemporaryDirectory(prefix="prebill-dovecot-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        nobody = pwd.getpwnam("nobody")
        cert, key = certificate(folder)
        (folder / "mail").mkdir()
        os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
        port = free_port()
        conf = folder / "dovecot.conf"
        conf.write_text(
            _CONF.format(folder=folder, cert=cert, key=key, uid=nobody.pw_uid, gid=nobody.pw_gid, port=port,
                         password=PASSWORD)
        )  # fmt: skip
        process = subprocess.Popen([str(binary), "-F", "-c", str(conf)], stderr=subprocess.PIPE)
        try:
            _wait_for(port, process, folder / "log")
            yield port, cert
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"dovecot did not start: {log.read_text() if log.exists() else process.stderr}")


class Box:
    """Takes letters as an SMTP server does; `refuse`: addresses that it does not take, with their answers."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []
        self.to: list[str] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]  # noqa: ARG002
    ) -> str:  # fmt: skip
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002
        self.letters.append(envelope.content)
        self.to += envelope.rcpt_tos
        return "250 OK"


@contextmanager
def smtp(folder: Path) -> Iterator[tuple[int, Path, Box]]:
    """A running SMTP server that asks for STARTTLS and a password: its port, its certificate, what it took."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult, LoginPassword

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:  # noqa: ARG001
        good = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False)

    cert, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    box = Box()
    controller = Controller(
        box, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True, auth_required=True,
        authenticator=check,
    )  # fmt: skip
    controller.start()
    try:
        yield controller.port, cert, box
    finally:
        controller.stop()
