"""Records in an archive, held against each other: names, keys, inputs and checksums of every artifact."""

import json
import re
from pathlib import PurePosixPath

from ttc.errors import InputError
from ttc.sharing.layout import LOCK, MANIFEST, member_of
from ttc.sharing.opened import Finding, Opened
from ttc.store.keys import artifact_key
from ttc.store.lock import parse_stages
from ttc.store.manifest import STORED
from ttc.study.sections.configuration import Study
from ttc.study.stand_ins import CARD

ARTIFACT_KEY = re.compile(r"[0-9a-f]{16}")
SHA256 = re.compile(r"[0-9a-f]{64}")


class _Wrong(Exception):
    """A sentence's end about one artifact."""


def check(
    opened: Opened,
    about: dict,
    sums: dict[str, str],
    bad: set[str],
    findings: list[Finding],
    notes: list[str],
) -> None:
    """Add what is wrong to `findings` and what is worth knowing to `notes`; members in `bad` are known to be wrong."""
    try:
        Study(name=about["study"])
        # Two pools of the same problems have artifacts that only their labels tell apart
        artifacts: dict[str, list[dict]] = {}
        for each in about["artifacts"]:
            artifacts.setdefault(each["key"], []).append(each)
        outside: dict[str, set[str]] = {}
        for each in about["externals"]:
            outside.setdefault(each["sha256"], set()).add(PurePosixPath(each["given"]).name)
        _check_externals(about["externals"], sums)
        claimed = {each["record"] for each in about["artifacts"]}
        claimed |= {name for each in about["artifacts"] for name in each["files"].values()}
        claimed |= {each["member"] for each in about["externals"]}
    except (KeyError, TypeError, AttributeError, ValueError, _Wrong) as error:
        findings.append(Finding("record", "archive.json", f"not what this version of ttc reads ({error!r})"))
        return
    if len({each["path"] for each in about["artifacts"]}) != len(about["artifacts"]):
        findings.append(Finding("record", "archive.json", "naming one artifact twice"))
    for each in about["artifacts"]:
        if each["record"] in bad:
            continue
        try:
            record = json.loads(opened.read(each["record"]))
            _check_artifact(each, record, artifacts, outside, about["study"])
            _check_content(each, record, sums)
        except (_Wrong, InputError, KeyError, TypeError, AttributeError, ValueError) as error:
            said = str(error) if isinstance(error, _Wrong) else f"not a record that can be read ({error!r})"
            findings.append(Finding("record", str(each.get("record")), said))
    stored = {name for name in opened.sizes if name.split("/")[0] in ("store", "cards", "sources")}
    for name in sorted(stored - claimed - bad):
        findings.append(Finding("extra", name, "listed, and nothing in archive.json knows it"))
    if MANIFEST not in bad:
        findings += _manifest(opened, about, sums)
    notes += _behaviours(opened, about)


def _check_externals(externals: list[dict], sums: dict[str, str]) -> None:
    for each in externals:
        if each["member"] is not None and sums.get(each["member"]) != each["sha256"]:
            raise _Wrong(f"{each['member']} is not the file that it says it is")


def _check_artifact(each: dict, record: dict, artifacts: dict, outside: dict, study: str) -> None:
    """The key is that of stage, specification, behaviour and inputs; names and inputs hold the right keys."""
    key = artifact_key(each["stage"], record["spec"], each["behaviour"], each["inputs"])
    if key != each["key"]:
        raise _Wrong(f"of the key {each['key']}, and its stage, specification, code and inputs make {key}")
    path = PurePosixPath(each["path"])
    if each["stage"] == "publish":
        right = path.name == f".complete-{key}" and path.parent.as_posix() == f"results/{study}"
    else:
        named = STORED.fullmatch(path.name)
        right = (
            named is not None
            and named["key"] == key
            and path.parent.parts == ("results", "store", each["stage"])
        )
    if not right or each["record"] != member_of(f"{path}.json", study):
        raise _Wrong(f"of an artifact that lies where its key does not belong ({path})")
    if record["stage"] != each["stage"]:
        raise _Wrong(f"of the stage {record['stage']}, and it should be {each['stage']}")
    known = _inputs(each, artifacts, outside)
    given = {role: names for role, names in record["inputs"].items() if names}
    alike = given.keys() == known.keys() and all(
        len(given[role]) == len(known[role])
        and all(name in allowed for name, allowed in zip(given[role], known[role], strict=True))
        for role in given
    )
    if not alike:
        raise _Wrong("of other inputs than its key says")


def _inputs(each: dict, artifacts: dict, outside: dict) -> dict[str, list[set[str]]]:
    """The names that its inputs may have, by role, as the keys say them."""
    found: dict[str, list[set[str]]] = {}
    for role, keys in each["inputs"].items():
        for key in keys:
            whole, _, part = key.partition("/")
            if SHA256.fullmatch(key):
                names = [outside.get(key, set())]
            elif whole not in artifacts:
                raise _Wrong(f"of an artifact made from {key}, which is not in the archive")
            else:
                makers = artifacts[whole]
                names = [{part}] if part else [{each} for each in makers[0]["parts"]]
                names = names or [{PurePosixPath(maker["path"]).name for maker in makers}]
            found.setdefault(role, []).extend(names)
    return found


def _check_content(each: dict, record: dict, sums: dict[str, str]) -> None:
    """The files of an artifact that are there are those of its record."""
    known = record["files"] or {"": record["sha256"]}
    for file, name in each["files"].items():
        if file not in known:
            raise _Wrong(f"of an artifact that has no file {file}")
        if sums.get(name) != known[file]:
            raise _Wrong(f"of {file or each['path']} with another SHA-256 than {name} has")
        own = member_of(f"{each['path']}/{file}" if file else each["path"], each["path"].split("/")[1])
        if name != own and not name.startswith(("study/", "cards/")):
            raise _Wrong(f"of an artifact whose file {file} lies at {name}")
        if name.startswith("cards/") and (
            file != CARD or name != f"cards/{'/'.join(each['path'].split('/')[-2:])}/{CARD}"
        ):
            raise _Wrong(f"of a model whose card lies at {name}")


def _manifest(opened: Opened, about: dict, sums: dict[str, str]) -> list[Finding]:
    """What the study's manifest says otherwise than the archive."""
    try:
        manifest = json.loads(opened.read(MANIFEST))
        said = {f"study/{each['path']}": each["sha256"] for each in manifest["files"]}
        shown = {name for name in sums if name.startswith("study/") and "/." not in name} - {MANIFEST}
        unlike = sorted(name for name in said.keys() | shown if said.get(name) != sums.get(name))
        found = [Finding("altered", name, "not what the study's manifest says") for name in unlike]
        if manifest["made_with"] != about["made_with"] or manifest["study"] != about["study"]:
            found.append(Finding("record", MANIFEST, "of another study, or made with other versions"))
        keys = {each["key"] for each in manifest["artifacts"]}
        others = {each["key"] for each in about["artifacts"] if each["stage"] != "publish"}
        if keys != others:
            found.append(
                Finding("record", MANIFEST, f"without {len(keys ^ others)} of the archive's artifacts")
            )
        return found
    except (InputError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [Finding("record", MANIFEST, f"not a manifest ({error!r})")]


def _behaviours(opened: Opened, about: dict) -> list[str]:
    """Sentences about units whose behaviour is not the one that the archive's own lock records."""
    try:
        recorded = parse_stages(opened.read(LOCK).decode())
    except (InputError, UnicodeDecodeError):
        return [f"{LOCK} is not there, or cannot be read: nothing says which code behaves as the keys say."]
    used: dict[str, str] = {}
    for each in about["artifacts"]:
        used |= each["behaviour"]
    unlike = sorted(
        unit for unit, name in used.items() if unit not in recorded or recorded[unit].behaviour != name
    )
    if not unlike:
        return []
    return [
        f"Made with code or libraries that its {LOCK} does not record: {', '.join(unlike)}.  Their keys hold a"
        " digest of that code."
    ]
