"""AlertSink on a mail server (SMTP, RFC 5321)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.adapters.notify import plain_text
from shared.adapters.notify.post import TIMEOUT, no_secret
from shared.core.errors import Unavailable
from shared.core.policy.alerts import Mail, Security
from shared.ports import Delivered, Notice, Refused

if TYPE_CHECKING:
    from email.message import EmailMessage
    from smtplib import SMTP


class MailSink:
    """Sends each message as one mail; the end of an alert and its repetitions answer its first mail.

    ``password`` yields the password when it is asked, None while the secret is absent.
    """

    def __init__(self, settings: Mail, password: Callable[[], str | None]) -> None:
        self._settings, self._password = settings, password

    def send(self, notice: Notice) -> Delivered | Refused:
        import smtplib

        settings = self._settings
        password = self._password() if settings.password_secret else None
        if settings.password_secret and not password:
            return no_secret("mail", settings.password_secret)
        try:
            with self._connected() as server:
                if password:
                    server.login(settings.user, password)
                server.send_message(message(notice, settings))
        except smtplib.SMTPRecipientsRefused as error:
            return _recipients_refused(error)
        except smtplib.SMTPResponseException as error:
            return _judged(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError as error:
            return Refused(f"mail: {error}")
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable("mail", f"{type(error).__name__}: {error}") from error
        return Delivered()

    def _connected(self) -> SMTP:
        import smtplib
        import ssl

        settings, seconds = self._settings, TIMEOUT.total_seconds()
        if settings.security is Security.TLS:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=seconds, context=context)
        server = smtplib.SMTP(settings.host, settings.port, timeout=seconds)
        if settings.security is Security.STARTTLS:
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server


def _judged(code: int, answer: bytes | str) -> Refused:
    """Return a refusal for good (5yz); raise ``Unavailable`` for one that may pass (4yz)."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    if code < 500:
        raise Unavailable("mail", f"{code} {text}")
    return Refused(f"mail: {code} {text}")


def _recipients_refused(error: Exception) -> Refused:
    answers = getattr(error, "recipients", {})
    code, answer = max(answers.values(), default=(550, b"no recipient was taken"))
    return _judged(code, answer)


def message(notice: Notice, settings: Mail) -> EmailMessage:
    """Return the mail of a message. Mails about one alert name its first, so that programs show them together."""
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["Subject"] = " ".join(plain_text.heading(notice).split())
    mail["From"], mail["To"] = settings.sender, ", ".join(settings.to)
    domain = settings.sender.rpartition("@")[2]
    digest = hashlib.sha256(notice.fingerprint.encode()).hexdigest()[:32]
    mail["References"] = f"<{digest}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain_text.body(notice) + "\n")
    return mail
