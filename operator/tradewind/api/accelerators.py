"""The built-in table of accelerator types: how fast each is, what it draws, and the labels by which nodes show it.

Speeds are the dense BF16 tensor throughput of the maker's datasheet over that of the A100-80GB (312 TFLOPS); FP16 where
a chip has no BF16. They are what a job can gain at best; ClusterPlacementPolicy.accelerators takes measured ones.

Watts are those of one accelerator with its share of the machine: the machine's maximum by its maker over the number of
its accelerators; and where no such figure is published, the board's maximum times what a DGX H100 draws for each watt
of its boards (10.2 kW for eight of 700 W). Both are upper ends. A type for which neither is published has none: then
the policy's assumption counts, which plans show.
"""

from __future__ import annotations

from tradewind.model.policy import AcceleratorType

_REFERENCE_TFLOPS = 312.0

# Type: dense TFLOPS, and the datasheet that says so.
_TFLOPS: dict[str, tuple[float, str]] = {
    "B300-270GB": (2250.0, "NVIDIA HGX B300: 36 PFLOPS BF16 with sparsity for 8"),
    "B200-180GB": (2250.0, "NVIDIA HGX B200: 36 PFLOPS BF16 with sparsity for 8"),
    "GB200-186GB": (2500.0, "NVIDIA GB200 NVL72 datasheet: 5 PFLOPS BF16 with sparsity"),
    "H200-141GB": (989.4, "NVIDIA H200 datasheet, SXM: 1,979 TFLOPS BF16 with sparsity"),
    "H200-NVL-141GB": (835.5, "NVIDIA H200 datasheet, NVL: 1,671 TFLOPS BF16 with sparsity"),
    "H100-80GB": (989.4, "NVIDIA H100 datasheet, SXM5: 1,979 TFLOPS BF16 with sparsity"),
    "H100-NVL-94GB": (835.5, "NVIDIA H100 datasheet, NVL: 1,671 TFLOPS BF16 with sparsity"),
    "H100-PCIe-80GB": (756.0, "NVIDIA H100 PCIe datasheet: 1,513 TFLOPS BF16 with sparsity"),
    "A100-80GB": (312.0, "NVIDIA A100 datasheet: 312 TFLOPS BF16"),
    "A100-40GB": (312.0, "NVIDIA A100 datasheet: 312 TFLOPS BF16"),
    "A30-24GB": (165.0, "NVIDIA A30 datasheet: 165 TFLOPS BF16"),
    "A40-48GB": (149.7, "NVIDIA A40 datasheet: 149.7 TFLOPS BF16"),
    "A10": (125.0, "NVIDIA A10 datasheet: 125 TFLOPS BF16"),
    "A10G": (70.0, "NVIDIA A10G datasheet (AWS G5): 70 TFLOPS BF16"),
    "L40S": (362.05, "NVIDIA L40S datasheet: 362.05 TFLOPS BF16"),
    "L40": (181.05, "NVIDIA L40 datasheet: 181.05 TFLOPS BF16"),
    "L4": (121.0, "NVIDIA L4 datasheet: 242 TFLOPS BF16 with sparsity"),
    "T4": (65.0, "NVIDIA T4 datasheet: 65 TFLOPS FP16"),
    "V100-32GB": (125.0, "NVIDIA V100 datasheet, SXM2: 125 TFLOPS FP16"),
    "V100-16GB": (125.0, "NVIDIA V100 datasheet, SXM2: 125 TFLOPS FP16"),
    "P100": (18.7, "NVIDIA P100 PCIe datasheet: 18.7 TFLOPS FP16"),
    "MI355X": (2516.6, "AMD Instinct MI355X datasheet: 2.5166 PFLOPS BF16"),
    "MI350X": (2306.9, "AMD Instinct MI350X datasheet: 2.3069 PFLOPS BF16"),
    "MI325X": (1307.4, "AMD Instinct MI325X datasheet: 1,307.4 TFLOPS BF16"),
    "MI300X": (1307.4, "AMD Instinct MI300X datasheet: 1,307.4 TFLOPS BF16"),
    "MI210": (181.0, "AMD Instinct MI210 datasheet: 181 TFLOPS BF16"),
    "TPU-v7x": (2307.0, "Google Cloud TPU7x: 2,307 TFLOPS BF16 per chip"),
    "TPU-v6e": (918.0, "Google Cloud TPU v6e: 918 TFLOPS BF16 per chip"),
    "TPU-v5p": (459.0, "Google Cloud TPU v5p: 459 TFLOPS BF16 per chip"),
    "TPU-v5e": (197.0, "Google Cloud TPU v5e: 197 TFLOPS BF16 per chip"),
    "TPU-v4": (275.0, "Google Cloud TPU v4: 275 TFLOPS BF16 per chip"),
    "Trainium2": (667.0, "AWS Trainium2: 667 TFLOPS BF16 per chip"),
    "Trainium1": (190.0, "AWS Trainium: 190 TFLOPS BF16 per chip"),
    "Inferentia2": (190.0, "AWS Inferentia2: 190 TFLOPS BF16 per chip"),
}

# Type: watts of the whole machine at most, its accelerators, and where its maker says so.
_MACHINES: dict[str, tuple[float, int, str]] = {
    "B300-270GB": (14_500.0, 8, "NVIDIA DGX B300 user guide: 14.5 kW"),
    "B200-180GB": (14_300.0, 8, "NVIDIA DGX B200 user guide: 14.3 kW max."),
    "GB200-186GB": (120_000.0, 72, "NVIDIA DGX GB200 user guide: about 120 kW for a rack of 72"),
    "H200-141GB": (10_200.0, 8, "NVIDIA DGX H200 user guide: 10.2 kW max."),
    "H100-80GB": (10_200.0, 8, "NVIDIA DGX H100 user guide: 10.2 kW max."),
    "A100-80GB": (6_500.0, 8, "NVIDIA DGX A100 user guide: 6.5 kW max."),
    "A100-40GB": (6_500.0, 8, "NVIDIA DGX A100 user guide: 6.5 kW max."),
    "V100-32GB": (3_500.0, 8, "NVIDIA DGX-1 (V100) user guide: 3.5 kW max."),
    "V100-16GB": (3_500.0, 8, "NVIDIA DGX-1 (V100) user guide: 3.5 kW max."),
}
# Type: watts of the board at most, and the datasheet that says so. Google and AWS publish none for their own chips.
_BOARDS: dict[str, tuple[float, str]] = {
    "H200-NVL-141GB": (600.0, "NVIDIA H200 datasheet, NVL: up to 600 W"),
    "H100-NVL-94GB": (400.0, "NVIDIA H100 datasheet, NVL: 350 to 400 W"),
    "H100-PCIe-80GB": (350.0, "NVIDIA H100 PCIe datasheet: 350 W"),
    "A30-24GB": (165.0, "NVIDIA A30 datasheet: 165 W"),
    "A40-48GB": (300.0, "NVIDIA A40 datasheet: 300 W"),
    "A10": (150.0, "NVIDIA A10 datasheet: 150 W"),
    "A10G": (300.0, "power limit that the driver reports on AWS G5: 300 W"),
    "L40S": (350.0, "NVIDIA L40S datasheet: 350 W"),
    "L40": (300.0, "NVIDIA L40 datasheet: 300 W"),
    "L4": (72.0, "NVIDIA L4 datasheet: 72 W"),
    "T4": (70.0, "NVIDIA T4 datasheet: 70 W"),
    "P100": (250.0, "NVIDIA P100 PCIe datasheet: 250 W"),
    "MI355X": (1400.0, "AMD Instinct MI355X datasheet: 1,400 W"),
    "MI350X": (1000.0, "AMD Instinct MI350X datasheet: 1,000 W"),
    "MI325X": (1000.0, "AMD Instinct MI325X datasheet: 1,000 W"),
    "MI300X": (750.0, "AMD Instinct MI300X datasheet: 750 W"),
    "MI210": (300.0, "AMD Instinct MI210 datasheet: 300 W"),
}
_MACHINE_WATTS_PER_BOARD_WATT = 10_200.0 / (8 * 700.0)

# GPU feature discovery's product label. Its value is the name that the driver gives, with dashes for spaces.
_GFD = {
    "NVIDIA-B300-SXM6-AC": "B300-270GB",
    "NVIDIA-B200": "B200-180GB",
    "NVIDIA-GB200": "GB200-186GB",
    "NVIDIA-H200": "H200-141GB",
    "NVIDIA-H200-NVL": "H200-NVL-141GB",
    "NVIDIA-H100-80GB-HBM3": "H100-80GB",
    "NVIDIA-H100-NVL": "H100-NVL-94GB",
    "NVIDIA-H100-PCIe": "H100-PCIe-80GB",
    "NVIDIA-A100-SXM4-80GB": "A100-80GB",
    "NVIDIA-A100-80GB-PCIe": "A100-80GB",
    "NVIDIA-A100-SXM4-40GB": "A100-40GB",
    "NVIDIA-A100-PCIE-40GB": "A100-40GB",
    "A100-SXM4-40GB": "A100-40GB",
    "NVIDIA-A30": "A30-24GB",
    "NVIDIA-A40": "A40-48GB",
    "NVIDIA-A10": "A10",
    "NVIDIA-A10G": "A10G",
    "NVIDIA-L40S": "L40S",
    "NVIDIA-L40": "L40",
    "NVIDIA-L4": "L4",
    "Tesla-T4": "T4",
    "Tesla-V100-SXM2-32GB": "V100-32GB",
    "Tesla-V100-SXM2-16GB": "V100-16GB",
    "Tesla-P100-PCIE-16GB": "P100",
}

# AMD's node labeller, https://instinct.docs.amd.com/projects/k8s-device-plugin
_AMD = {"AMD_Instinct_MI300X_OAM": "MI300X"}

# https://cloud.google.com/compute/docs/gpus gives the names; GKE's label carries them.
_GKE_GPU = {
    "nvidia-b200": "B200-180GB",
    "nvidia-gb200": "GB200-186GB",
    "nvidia-h200-141gb": "H200-141GB",
    "nvidia-h100-80gb": "H100-80GB",
    "nvidia-h100-mega-80gb": "H100-80GB",
    "nvidia-a100-80gb": "A100-80GB",
    "nvidia-tesla-a100": "A100-40GB",
    "nvidia-l4": "L4",
    "nvidia-tesla-t4": "T4",
    "nvidia-tesla-v100": "V100-16GB",
    "nvidia-tesla-p100": "P100",
}

# https://cloud.google.com/kubernetes-engine/docs/concepts/tpus
_GKE_TPU = {
    "tpu7x": "TPU-v7x",
    "tpu-v6e-slice": "TPU-v6e",
    "tpu-v5p-slice": "TPU-v5p",
    "tpu-v5-lite-podslice": "TPU-v5e",
    "tpu-v5-lite-device": "TPU-v5e",
    "tpu-v4-podslice": "TPU-v4",
}

# https://karpenter.sh/docs/reference/instance-types/ ; Auto Mode has the same values under its own keys. The memory
# (MiB) is part of what tells types apart: a g6f has an eighth of an L4 and calls it l4.
_AWS_GPU = {
    ("b300", "275040"): "B300-270GB",
    ("b200", "183359"): "B200-180GB",
    ("h200", "144384"): "H200-141GB",
    ("h100", "81920"): "H100-80GB",
    ("a100", "81920"): "A100-80GB",
    ("a100", "40960"): "A100-40GB",
    ("l40s", "45776"): "L40S",
    ("l4", "22888"): "L4",
    ("a10g", "22888"): "A10G",
    ("t4", "16384"): "T4",
    ("v100", "32768"): "V100-32GB",
    ("v100", "16384"): "V100-16GB",
}
_AWS_NEURON = {"trainium2": "Trainium2", "trainium": "Trainium1", "inferentia2": "Inferentia2"}

# Nodes without any of these labels still say what machine they are. AKS sets no label that names the accelerator.
# https://learn.microsoft.com/azure/virtual-machines/sizes/overview , https://aws.amazon.com/ec2/instance-types/
_INSTANCE_TYPES = {
    "H200-141GB": "Standard_ND96isr_H200_v5 p5e.48xlarge p5en.48xlarge",
    "H100-80GB": "Standard_ND96isr_H100_v5 p5.4xlarge p5.48xlarge",
    "H100-NVL-94GB": "Standard_NC40ads_H100_v5 Standard_NC80adis_H100_v5",
    "A100-80GB": "Standard_ND96amsr_A100_v4 Standard_NC24ads_A100_v4 Standard_NC48ads_A100_v4 Standard_NC96ads_A100_v4"
    " p4de.24xlarge",
    "A100-40GB": "Standard_ND96asr_v4 p4d.24xlarge",
    "T4": "Standard_NC4as_T4_v3 Standard_NC8as_T4_v3 Standard_NC16as_T4_v3 Standard_NC64as_T4_v3",
    "MI300X": "Standard_ND96isr_MI300X_v5",
}


def _speed(name: str) -> float:
    return round(_TFLOPS[name][0] / _REFERENCE_TFLOPS, 3)


def _watts(name: str) -> float | None:
    if name in _MACHINES:
        watts, count, _ = _MACHINES[name]
        return round(watts / count, 1)
    return round(_BOARDS[name][0] * _MACHINE_WATTS_PER_BOARD_WATT, 1) if name in _BOARDS else None


def _rows() -> tuple[AcceleratorType, ...]:
    labels: list[tuple[dict[str, str], str]] = [
        *(({"nvidia.com/gpu.product": product}, name) for product, name in _GFD.items()),
        *(({"amd.com/gpu.product-name": product}, name) for product, name in _AMD.items()),
        *(({"cloud.google.com/gke-accelerator": value}, name) for value, name in _GKE_GPU.items()),
        *(({"cloud.google.com/gke-tpu-accelerator": value}, name) for value, name in _GKE_TPU.items()),
    ]
    for prefix in ("karpenter.k8s.aws", "eks.amazonaws.com"):
        labels += [
            ({f"{prefix}/instance-gpu-name": value, f"{prefix}/instance-gpu-memory": mib}, name)
            for (value, mib), name in _AWS_GPU.items()
        ]
        labels += [({f"{prefix}/instance-accelerator-name": value}, name) for value, name in _AWS_NEURON.items()]
    labels += [
        ({"node.kubernetes.io/instance-type": machine}, name)
        for name, machines in _INSTANCE_TYPES.items()
        for machine in machines.split()
    ]
    shown = {name for _, name in labels}
    labels += [({}, name) for name in _TFLOPS if name not in shown]
    return tuple(AcceleratorType(name, wanted, _speed(name), _watts(name)) for wanted, name in labels)


BUILT_IN_ACCELERATORS = _rows()
"""A type has as many rows as there are ways to show it; one without labels, known by its speed only, fits no node."""
