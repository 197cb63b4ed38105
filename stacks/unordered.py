"""Lists of AWS resources that are sets to the provider: their order means nothing, and no change of it is one.

An update leaves them in the state as the graph has them; `pulumi refresh` writes them back in the provider's own order
(pulumi-terraform-bridge#1904 and #3570). Types are from the schemas of terraform-provider-aws (`TypeSet`, read
2026-11-21), those that the graph has. Not here, because their order counts: a node group's `instanceTypes`, a launch
template's `tagSpecifications`, a bucket's lifecycle `rules`.
"""

from __future__ import annotations

_SETS = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {"egress", "ingress"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"routeTableIds", "securityGroupIds", "subnetIds"},
    "aws:eks/addon:Addon": {"podIdentityAssociations"},
    "aws:eks/cluster:Cluster": {
        "enabledClusterLogTypes",
        "encryptionConfig.resources",
        "vpcConfig.publicAccessCidrs",
        "vpcConfig.securityGroupIds",
        "vpcConfig.subnetIds",
    },
    "aws:eks/nodeGroup:NodeGroup": {"subnetIds", "taints"},
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {"rules"},
    "pulumi:providers:aws": {"allowedAccountIds"},
}
"""Type → its sets, nested ones with dots."""


def unordered(type_token: str, path: tuple[str, ...]) -> bool:
    """Say whether the list at this path of a resource of this type is a set."""
    return ".".join(path) in _SETS.get(type_token, ())
