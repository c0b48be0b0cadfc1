"""Outbound HTTP with httpx and httpx2: a CLIENT span, RED metrics and propagation for each request sent."""

from obskit.httpclient._httpx import install

__all__ = ["install"]
