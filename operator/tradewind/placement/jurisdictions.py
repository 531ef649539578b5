"""Country codes and the groups of countries that a limit of law may name.

Codes: ISO 3166-1 alpha-2 (officially assigned), and XK, which ISO leaves to users and the EU uses for Kosovo.
Groups hold states; territories with a code of their own (such as RE or GF) must be named where they are meant.
"""

from __future__ import annotations

from difflib import get_close_matches


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


COUNTRIES = _codes(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
    """
)
_EU = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
GROUPS = {
    # The member states of the European Union since 2020-02-01 (Article 52 TEU, less the United Kingdom).
    "EU": _codes(_EU),
    # The EU with the EFTA states that are party to the EEA Agreement (Article 2b); the GDPR applies in all of it.
    "EEA": _codes(f"{_EU} IS LI NO"),
    # The EFTA Convention (Vaduz, 2001).
    "EFTA": _codes("CH IS LI NO"),
    # The Charter of the Gulf Cooperation Council (1981).
    "GCC": _codes("AE BH KW OM QA SA"),
    # The UKUSA Agreement's second and third parties ("Five Eyes"), for those who deny them.
    "FVEY": _codes("AU CA GB NZ US"),
}
_NONE: frozenset[str] = frozenset()


def codes_of(name: str) -> frozenset[str]:
    """Return the countries that a code or a group stands for; empty where it is neither."""
    return GROUPS.get(name) or (frozenset((name,)) if name in COUNTRIES else _NONE)


def meant_by(name: str) -> str:
    """Guess what an unknown name was meant to be, as the end of a sentence; "" where nothing comes near."""
    known = sorted(GROUPS)
    close = {"UK": ["GB"], "EL": ["GR"]}.get(name.upper()) or (
        [name.upper()] if codes_of(name.upper()) else get_close_matches(name.upper(), known, n=1)
    )
    return f": did you mean {close[0]}?" if close else ""
