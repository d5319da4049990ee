"""LoRA adapters (Hu et al., 2021): trained on a shop's data, measured, named by their content, merged for export."""
