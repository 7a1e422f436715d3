"""The deployer: state of a workload, scaling, revisions, and the copy of a template."""
