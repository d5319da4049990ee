"""The page's theme: paper, ink and one green; system fonts only, light and dark."""

from __future__ import annotations

from typing import Any


def theme() -> Any:
    """A theme for Gradio. The rest of the look is in `ui/style.css`."""
    from gradio.themes import Base

    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Noto Sans CJK SC", "sans-serif")
    return Base(
        primary_hue="teal",
        secondary_hue="amber",
        neutral_hue="stone",
        radius_size="lg",
        font=fonts,
        font_mono=("ui-monospace", "Menlo", "monospace"),
    ).set(
        body_background_fill="#f6f3ee",
        body_background_fill_dark="#171614",
        block_background_fill="#fffdfa",
        block_background_fill_dark="#211f1d",
        block_border_width="0px",
        block_info_text_color="#6a645b",
        block_info_text_color_dark="#aaa297",
        button_primary_background_fill="#0f6b5f",
        button_primary_background_fill_hover="#0b564c",
        button_primary_background_fill_dark="#2aa592",
        button_primary_background_fill_hover_dark="#38b9a5",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#08211d",
        input_background_fill="#ffffff",
        input_background_fill_dark="#2a2826",
        checkbox_background_color_selected="#0f6b5f",
        checkbox_background_color_selected_dark="#2aa592",
        checkbox_border_color_selected="#0f6b5f",
    )
