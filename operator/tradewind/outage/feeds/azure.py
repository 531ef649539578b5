"""Azure: RSS, with region and services in prose and categories, and an empty channel on a quiet day.

Source: the feed that https://azure.status.microsoft/en-us/status names. Read it from `rssfeed.azure.status.microsoft`:
what `status.azure.com` leads to depends on where one asks from, and on 23 July 2026 the region that was down answered
with an empty channel for hours. Only wide incidents are written there, and one that has ended leaves the feed.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from email.utils import parsedate_to_datetime

from tradewind.outage.feeds.event import EventState, FeedProblem, FeedReading, ProviderEvent
from tradewind.outage.feeds.text import believable, decode, line, named, read_each

PROVIDER = "azure"
URL = "https://rssfeed.azure.status.microsoft/en-us/status/feed/"
CHANNEL = "azure status"

SERVICES = re.compile(
    r"virtual machine|kubernetes|network|load balancer|gateway|expressroute|dns|storage|disk|container registry"
    r"|multiple services|resource manager|active directory|entra",
    re.IGNORECASE,
)
"""What a cluster stands on, in the names of services."""

# Source: https://learn.microsoft.com/azure/reliability/regions-list; a code is the name in small letters, unspaced.
_NAMES = (
    "Australia Central, Australia Central 2, Australia East, Australia Southeast, Austria East, Belgium Central, "
    "Brazil South, Brazil Southeast, Canada Central, Canada East, Central India, Central US, Chile Central, East Asia, "
    "East US, East US 2, East US 3, France Central, France South, Germany North, Germany West Central, "
    "Indonesia Central, Israel Central, Italy North, Japan East, Japan West, Korea Central, Korea South, "
    "Malaysia West, Mexico Central, New Zealand North, North Central US, North Europe, Norway East, Norway West, "
    "Poland Central, Qatar Central, South Africa North, South Africa West, South Central US, South India, "
    "Southeast Asia, Spain Central, Sweden Central, Switzerland North, Switzerland West, UAE Central, UAE North, "
    "UK South, UK West, West Central US, West Europe, West India, West US, West US 2, West US 3"
)
REGIONS = _NAMES.split(", ")
# The longest first: West US 2 is not West US, and Southeast Asia not East Asia.
_REGION = re.compile(rf"\b(?:{'|'.join(sorted(REGIONS, key=len, reverse=True))})\b", re.IGNORECASE)
_MARKED = re.compile(r"^\s*[\[(]\s*(resolved|mitigated)\s*[\])]", re.IGNORECASE)
_CLAUSE = re.compile(r"\s+[-–—|:;]\s+|[.;]\s+")  # noqa: RUF001 - titles use any dash
_OVER = re.compile(r"\b(resolved|mitigated)\b", re.IGNORECASE)
_NOT_OVER = re.compile(
    r"\b(not|no|never|yet|until|await\w*|being|partial\w*|partly|except|remain\w*|continu\w*|ongoing|investigat\w*"
    r"|identified|monitoring|still)\b",
    re.IGNORECASE,
)


def read(raw: bytes) -> FeedReading | FeedProblem:
    """Read an answer of the feed."""
    text = decode(raw)
    if isinstance(text, FeedProblem):
        return text
    if re.search(r"<!(doctype|entity)", text, re.IGNORECASE):
        return FeedProblem("Doctype", "The answer declares a document type, which no feed needs; it is not read.")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a DOCTYPE there are no entities to expand
    except (ET.ParseError, ValueError):
        return FeedProblem("NotXML", "The answer is no XML, or only a part of it.")
    channel = root.find("channel") if root.tag == "rss" else None
    # Well-formed pages of proxies have no items either, and would be taken for a quiet day.
    if channel is None or (channel.findtext("title") or "").strip().lower() != CHANNEL:
        return FeedProblem("UnknownShape", 'The answer is XML, but no RSS channel with the title "Azure Status".')
    return read_each(channel.findall("item"), _event)


def _event(item: ET.Element) -> ProviderEvent:
    title = line(item.findtext("title") or "")
    categories = [line(each.text or "") for each in item.findall("category")]
    # Not the description, which names other regions for context.
    regions = [
        each.group().lower().replace(" ", "") for text in (title, *categories) for each in _REGION.finditer(text)
    ]
    began_s = believable(parsedate_to_datetime((item.findtext("pubDate") or "").strip()).timestamp())
    return ProviderEvent(
        id=named(item.findtext("guid") or title),
        provider=PROVIDER,
        regions=tuple(dict.fromkeys(regions)),
        service=_service(categories),
        state=EventState.ENDED if _is_over(title) else EventState.OUTAGE,
        began_s=began_s,
        ended_s=None,
        title=title,
    )


def _service(categories: list[str]) -> str:
    """Find the first service that clusters stand on; an item that names none may be about any."""
    services = [each for each in categories if each and not _REGION.fullmatch(each)]
    if not services:
        return "services that are not named"
    return next((each for each in services if SERVICES.search(each)), "")


def _is_over(title: str) -> bool:
    """Whether the last clause says so: "Resolved in North Europe. Continues in West Europe" is not over."""
    last = _CLAUSE.split(title)[-1]
    return bool(_MARKED.match(title)) or bool(_OVER.search(last) and not _NOT_OVER.search(last))
