"""Policy: a bucket is private, encrypted, and reached through TLS alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from policies.resources import Finding, Resource, View, broken

BUCKETS = {"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"}

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

Answer = tuple[bool, tuple[View, ...]]
"""Whether a setting closes the bucket, and what of it is known only after apply."""


def buckets_closed(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Every bucket blocks public access, encrypts what it holds, and refuses anything but TLS."""
    buckets = [r for r in resources if r.type in BUCKETS]
    for bucket in buckets:
        for token, asks, text in _SETTINGS:
            yield from _setting(bucket, buckets, [r for r in resources if r.type in token], asks, text)
    for acl in (r for r in resources if r.type in BUCKETS or r.type in _ACLS):
        if str(acl.at("acl").value).startswith("public-"):
            yield broken(acl, acl.at("acl"), f"`{acl.at('acl').value}` opens the bucket to everyone")
        elif acl.at("acl").unknown:
            yield _unsaid(acl, acl.at("acl"))


def _setting(
    bucket: Resource,
    buckets: Sequence[Resource],
    settings: Sequence[Resource],
    asks: Callable[[Resource], Answer],
    text: str,
) -> Iterator[Finding]:
    """Yield a finding unless one of the settings is this bucket's and closes it."""
    doubts: list[tuple[Resource, View]] = []
    for setting in settings:
        owner = _belongs(setting, bucket)
        if owner is False:
            continue
        closes, unknown = asks(setting)
        if owner and closes:
            return
        if owner is None and (closes or unknown):
            doubts.append((setting, setting.at("bucket")))
        doubts += [(setting, view) for view in unknown]
    if doubts:
        setting, view = doubts[0]
        yield Finding(f"`{view.path}` of {setting.name} is known after apply", bucket.name, view.path, unknown=True)
    else:
        yield broken(bucket, None, text)


def _belongs(setting: Resource, bucket: Resource) -> bool | None:
    """Say whether a setting is this bucket's: it reads the bucket's name, or has the same; None if nobody knows yet."""
    if setting.reads.get("bucket"):
        return bucket.name in setting.reads["bucket"]
    name, own = setting.at("bucket"), bucket.at("bucket")
    return None if name.unknown or own.unknown else name.value is not None and name.value == own.value


def _private(setting: Resource) -> Answer:
    views = tuple(setting.at(key) for key in _BLOCKS)
    closes = all(v.value is True for v in views)
    possible = all(v.value is True or v.unknown for v in views)
    return closes, tuple(v for v in views if v.unknown) if possible else ()


def _encrypted(setting: Resource) -> Answer:
    rules = [r.at("applyServerSideEncryptionByDefault", "sseAlgorithm") for r in setting.at("rules").items()]
    return any(isinstance(v.value, str) for v in rules), tuple(v for v in rules if v.unknown)


def _tls_only(setting: Resource) -> Answer:
    document = setting.at("policy").document()
    doubts: list[View] = []
    for statement in document.at("Statement").items():
        condition = statement.at("Condition")
        tls = condition.at("Bool", "aws:SecureTransport")
        if {key for key, _ in condition.entries()} > {"Bool"} or len(condition.at("Bool").entries()) > 1:
            continue  # all of a condition has to hold: one more makes the statement refuse less
        covers = _all_of_it(statement.at("Resource"))
        if covers is False:
            continue
        parts = (statement.at("Effect"), statement.at("Principal"), statement.at("Action"), tls)
        wanted = (("Deny",), ("*", {"AWS": "*"}), ("s3:*", "*", ["s3:*"], ["*"]), ("false", False, ["false"]))
        if all(part.value in choice for part, choice in zip(parts, wanted, strict=True)):
            if covers:
                return True, ()
            doubts.append(next(view for view in _each(statement.at("Resource")) if view.unknown))
        elif all(part.unknown or part.value in choice for part, choice in zip(parts, wanted, strict=True)):
            doubts += [part for part in parts if part.unknown]
    return False, tuple(doubts)


def _all_of_it(resource: View) -> bool | None:
    """Say whether a statement is on the bucket and on what is in it; None if that is known only after apply.

    S3 takes no policy that names another bucket, so two ARNs that are known after apply are these two.
    """
    views = _each(resource)
    known = [view.value for view in views if isinstance(view.value, str)]
    if any(v.endswith("*") for v in known) and any("/" not in v for v in known):
        return True
    unknown = sum(view.unknown for view in views)
    return True if unknown > 1 else None if unknown else False


def _each(view: View) -> tuple[View, ...]:
    """Return the entries of what may be one text or a list of them."""
    return view.items() if isinstance(view.value, list | tuple) else (view,)


def _unsaid(resource: Resource, view: View) -> Finding:
    return Finding(f"`{view.path}` is known after apply", resource.name, view.path, unknown=True)


_ACLS = {"aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"}

_ENCRYPTION = "BucketServerSideEncryptionConfiguration"

_SETTINGS: tuple[tuple[set[str], Callable[[Resource], Answer], str], ...] = (
    (
        {"aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"},
        _private,
        "nothing blocks public access to the bucket",
    ),
    (
        {f"aws:s3/{_ENCRYPTION[0].lower()}{_ENCRYPTION[1:]}{v}:{_ENCRYPTION}{v}" for v in ("", "V2")},
        _encrypted,
        "nothing says how the bucket encrypts what it holds",
    ),
    ({"aws:s3/bucketPolicy:BucketPolicy"}, _tls_only, "nothing makes the bucket refuse what comes without TLS"),
)
