"""Models and LoRA adapters: making, checking and exporting them."""
