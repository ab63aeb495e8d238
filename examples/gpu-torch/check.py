"""Say which GPU torch sees, and multiply two matrices on it."""

import torch

torch.use_deterministic_algorithms(mode=True)
torch.manual_seed(0)

device = torch.device("cuda")
left, right = torch.randn(2, 512, 512, device=device)
print(torch.cuda.get_device_name(device), f"CUDA {torch.version.cuda}")
print(f"{(left @ right).trace().item():.4f}")
