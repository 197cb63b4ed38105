"""The foundation layer of an AWS target: network, cluster, identities and object stores; nothing for on-prem.

One component a file, each with one `lower`. Names that several files share are in `ids.py`, the shape of
every node in `aws_resource.py`, IAM policy documents in `policy_document.py`.
"""
