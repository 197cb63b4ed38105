"""What Karpenter's controller may do.

The actions and conditions are those of Karpenter's own reference (website, v1.14 "CloudFormation", read
2026-11-21). What it creates must carry the cluster's tags, and it changes only what carries them.
"""

from __future__ import annotations

from components.foundation import ids
from components.foundation.policy_document import allow
from components.graph import Ref, Value

_POOL = "karpenter.sh/nodepool"
_CLASS = "karpenter.k8s.aws/ec2nodeclass"
_LAUNCH = ("ec2:CreateFleet", "ec2:RunInstances")


def statements(cluster: str, region: str) -> tuple[Value, ...]:
    """Return the statements of the controller's policy for a cluster, by name, and its region."""
    return (*_instances(cluster, region), *_profiles(cluster, region), *_reads(region), *_cluster())


def _tagged(where: str, tags: dict[str, str], present: str) -> Value:
    """Return conditions on tags of the request (`RequestTag`) or of the resource (`ResourceTag`)."""
    return {
        "StringEquals": {f"aws:{where}/{key}": value for key, value in tags.items()},
        "StringLike": {f"aws:{where}/{present}": "*"},
    }


def _instances(cluster: str, region: str) -> tuple[Value, ...]:
    def arns(*kinds: str, account: str = "*") -> list[str]:
        return [f"arn:aws:ec2:{region}:{account}:{kind}/*" for kind in kinds]

    owned = {f"kubernetes.io/cluster/{cluster}": "owned"}
    made = _tagged("RequestTag", owned | {"eks:eks-cluster-name": cluster}, _POOL)
    ours = _tagged("ResourceTag", owned, _POOL)
    creates = arns("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
    at_creation = {"ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"]}
    names = {
        **ours,
        "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]},
    }
    return (
        allow(
            "LaunchFromParts",
            _LAUNCH,
            arns("image", "snapshot", account="")
            + arns("capacity-reservation", "placement-group", "security-group", "subnet"),
        ),
        allow("LaunchFromOwnTemplates", _LAUNCH, arns("launch-template"), ours),
        allow("CreateTagged", (*_LAUNCH, "ec2:CreateLaunchTemplate"), creates, made),
        allow(
            "TagAtCreation",
            ("ec2:CreateTags",),
            creates,
            {**made, "StringEquals": made["StringEquals"] | at_creation},
        ),
        allow("NameOwnInstances", ("ec2:CreateTags",), arns("instance"), names),
        allow(
            "RemoveOwn",
            ("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"),
            arns("instance", "launch-template"),
            ours,
        ),
    )


def _profiles(cluster: str, region: str) -> tuple[Value, ...]:
    profiles = "arn:aws:iam::*:instance-profile/*"  # a role reaches no account but its own
    owned = {f"kubernetes.io/cluster/{cluster}": "owned", "topology.kubernetes.io/region": region}
    made = _tagged("RequestTag", owned | {"eks:eks-cluster-name": cluster}, _CLASS)
    ours = _tagged("ResourceTag", owned, _CLASS)
    both = {key: made[key] | ours[key] for key in made}
    return (
        allow(
            "PassNodeRole",
            ("iam:PassRole",),
            Ref(ids.NODE_ROLE, "arn"),
            {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        allow("CreateProfiles", ("iam:CreateInstanceProfile",), profiles, made),
        allow("TagOwnProfiles", ("iam:TagInstanceProfile",), profiles, both),
        allow(
            "ChangeOwnProfiles",
            (
                "iam:AddRoleToInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
            ),
            profiles,
            ours,
        ),
        allow("ReadProfiles", ("iam:GetInstanceProfile",), profiles),
        allow("ListProfiles", ("iam:ListInstanceProfiles",), "*"),
    )


def _reads(region: str) -> tuple[Value, ...]:
    described = (
        "CapacityReservations",
        "Images",
        "InstanceStatus",
        "InstanceTypeOfferings",
        "InstanceTypes",
        "Instances",
        "LaunchTemplates",
        "PlacementGroups",
        "SecurityGroups",
        "SpotPriceHistory",
        "Subnets",
    )
    return (
        allow(
            "DescribeRegion",
            tuple(f"ec2:Describe{what}" for what in described),
            "*",
            {"StringEquals": {"aws:RequestedRegion": region}},
        ),
        allow("ReadImageParameters", ("ssm:GetParameter",), f"arn:aws:ssm:{region}::parameter/aws/service/*"),
        allow("ReadPrices", ("pricing:GetProducts",), "*"),
    )


def _cluster() -> tuple[Value, ...]:
    cluster = Ref(ids.CLUSTER, "arn")
    return (
        allow("ReadCluster", ("eks:DescribeCluster",), cluster),
        allow(
            "ReadZonalShift",
            ("arc-zonal-shift:GetManagedResource",),
            "*",
            {"StringEquals": {"arc-zonal-shift:ResourceIdentifier": cluster}},
        ),
        allow(
            "ReceiveInterruptions",
            ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"),
            Ref(ids.INTERRUPTION_QUEUE, "arn"),
        ),
    )
