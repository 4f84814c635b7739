"""Alerts: what is wrong with the service, told before users complain.

A dispatcher checks the rules every few seconds: it lives without the broker, and notifications of alerts go straight
from it. An alarm that lasts for a while is told, repeated as long as it lasts, and told to be over.
"""

from app.alerts.keeping import listed, silence
from app.alerts.rules import RULES, Alarm
from app.alerts.watch import AlertWatch

__all__ = ["RULES", "Alarm", "AlertWatch", "listed", "silence"]
