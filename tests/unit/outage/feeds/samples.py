"""Answers of the three feeds in the shapes that their providers send, with one event each."""

from __future__ import annotations

import json
from typing import Any

Entry = dict[str, Any]
BEGAN_S = 1_772_369_485
"""2026-03-01T12:51:25Z."""


def aws(*events: Entry, encoding: str = "utf-16-be", mark: bytes = b"\xfe\xff") -> bytes:
    return mark + json.dumps(list(events)).encode(encoding)


def aws_event(service: str = "ec2", region: str = "us-east-1", **fields: Any) -> Entry:
    return {
        "date": str(BEGAN_S),
        "arn": f"arn:aws:health:{region}::event/EC2/AWS_EC2_OPERATIONAL_ISSUE/AWS_EC2_OPERATIONAL_ISSUE_{region}",
        "region_name": "N. Virginia",
        "status": "3",
        "service": f"{service}-{region}",
        "service_name": "Amazon Elastic Compute Cloud",
        "summary": "Increased Error Rates",
        "event_log": [{"summary": "Increased Error Rates", "message": "...", "status": 1, "timestamp": BEGAN_S}],
        "impacted_services": {"acm-us-east-1": {"service_name": "ACM", "current": "3", "max": "3"}},
        **fields,
    }


def gcp(*incidents: Entry) -> bytes:
    return json.dumps(list(incidents)).encode()


def gcp_incident(*locations: str, products: tuple[str, ...] = ("Google Compute Engine",), **fields: Any) -> Entry:
    return {
        "id": "ow5i3PPK96RduMcb1SsW",
        "number": "10711766437829533710",
        "begin": "2026-03-01T12:51:25+00:00",
        "created": "2026-03-01T13:00:00+00:00",
        "modified": "2026-03-01T14:00:00+00:00",
        "external_desc": "Virtual machines can't be started",
        "updates": [],
        "most_recent_update": {"status": "SERVICE_DISRUPTION", "text": "...", "when": "2026-03-01T14:00:00+00:00"},
        "status_impact": "SERVICE_DISRUPTION",
        "severity": "low",
        "service_name": "Multiple Products",
        "affected_products": [{"title": each, "id": each, "current_title": each} for each in products],
        "currently_affected_locations": [{"title": f"Some place ({each})", "id": each} for each in locations],
        "previously_affected_locations": [],
        "uri": "incidents/ow5i3PPK96RduMcb1SsW",
        **fields,
    }


def azure(*items: str, title: str = "Azure Status") -> bytes:
    head = f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{title}</title>'
    return f"{head}<lastBuildDate>Thu, 23 Jul 2026 16:49:25 Z</lastBuildDate>{''.join(items)}</channel></rss>".encode()


def azure_item(title: str = "Issues connecting to resources in West US ", *categories: str, date: str = "") -> str:
    named = "".join(f"<category>{each}</category>" for each in categories)
    return (
        f'<item><guid isPermaLink="false">issues-connecting</guid>{named}<title>{title}</title>'
        "<description>&lt;p&gt;Unrelated to the earlier event in North Europe.&lt;/p&gt;</description>"
        f"<pubDate>{date or 'Sun, 01 Mar 2026 12:51:25 Z'}</pubDate></item>"
    )
