"""Alerts: what is wrong with the service, told before users complain.

Dispatchers and Beats check the rules every few seconds: they live without the broker, and notifications of alerts go
straight from them. So each tells of the other's end. An alarm that lasts for a while is told, repeated as long as it
lasts, and told to be over.
"""

from typing import Final

from app.alerts.keeping import listed, silence
from app.alerts.rules import RULES, Alarm
from app.alerts.watch import AlertWatch

COURIER: Final = "tasks.courier"
"""What sends them. Named, not imported: it knows the channels, which the service does not."""

__all__ = ["COURIER", "RULES", "Alarm", "AlertWatch", "listed", "silence"]
