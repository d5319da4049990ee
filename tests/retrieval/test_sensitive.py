"""Sensitive goods: which rows and categories they are, and which a shopper's own words open."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrieval.catalogue import Catalogue
from retrieval.errors import ShopError
from retrieval.sensitive import PACKAGED, Group, Sensitive, read_groups
from tests.retrieval.small_shop import frame

NOT_SENSITIVE = [
    "HOT_GLUE_GUN", "TOY_GUN", "SCREW_GUN", "GREASE_GUN", "ANIMAL_NUTRITIONAL_SUPPLEMENT", "PET_HEALTH_CARE",
    "BABY_JUMPER_WALKER", "PROTEIN_SUPPLEMENT_POWDER", "HAIR_CLEANER_CONDITIONER", "AIR_CONDITIONER", "FIRST_AID_KIT",
    "SHARP_PIN", "Wine glasses", "Beer mugs and glassware", "VINEGAR", "FOOD_SMOKER", "DRUG GM", "COSMETICS",
    "Christmas", "GREETING_CARD", "ABIS_BOOK", "SKIN_CARE_PRODUCT", "MASSAGER", "Running shoes", "Young adult fiction",
    "Unisex clothing", "Spirit levels", "",
]  # fmt: skip
SENSITIVE = [
    "VITAMIN", "NUTRITIONAL_SUPPLEMENT", "DIETARY_SUPPLEMENTS", "HERBAL_SUPPLEMENT", "BLOOD_OXYGEN_MONITOR",
    "Medicines",
    "ADULT INCONTINENCE", "ANALGESICS", "COLD AND FLU", "SMOKING CESSATIONS", "FAMILY PLANNING", "FEMININE HYGIENE",
    "Vitamins", "Pregnancy tests", "Religious books", "CONDOM", "SEX_TOY", "Adult Toys", "ELECTRONIC_CIGARETTE_LIQUID",
    "ALCOHOLIC_BEVERAGE", "DOMESTIC WINE", "BEERS/ALES", "GUN_HOLSTER", "AIR_GUN", "Political books", "ROLLING_PAPER",
    "Bibles", "Hearing aids", "LGBTQ",
]  # fmt: skip


def of(rows: list[dict[str, object]], groups: dict[str, Group] | None = None) -> Sensitive:
    return Sensitive(Catalogue(frame(rows)), read_groups() if groups is None else groups)


@pytest.fixture(scope="module")
def shelves() -> Sensitive:
    return of([{"title": "thing", "category": name} for name in (*SENSITIVE, *NOT_SENSITIVE)])


@pytest.mark.parametrize("name", SENSITIVE)
def test_the_packaged_list_holds(shelves, name):
    assert name in shelves.categories


@pytest.mark.parametrize("name", NOT_SENSITIVE)
def test_the_packaged_list_leaves_alone(shelves, name):
    assert name not in shelves.categories


def test_the_mask_is_the_rows_of_sensitive_categories(shelves):
    assert shelves.mask.tolist() == [True] * len(SENSITIVE) + [False] * len(NOT_SENSITIVE)


def test_a_category_above_makes_all_below_sensitive_but_not_its_namesakes_elsewhere():
    found = of(
        [
            {"title": "zinc", "category": "Tablets", "category_path": ["Home", "Pharmacy", "Tablets"]},
            {"title": "screen", "category": "Tablets", "category_path": ["Computers", "Tablets"]},
            {"title": "salve", "category": "Salves", "category_path": ["Pharmacy", "Salves"]},
        ]
    )
    assert found.mask.tolist() == [True, False, True]
    assert found.categories == {"Salves"}, "Tablets as a whole are not sensitive"


def test_a_title_can_be_plain_though_its_category_is_harmless():
    found = of(
        [
            {"title": "The Study Bible, large print", "category": "Books"},
            {"title": "Baking for two", "category": "Books", "description": "Not a study bible."},
            {"title": "Bread bible", "category": "Books"},
            {"title": "Early Pregnancy Tests, 5 pack", "category": "Sundries"},
        ]
    )
    assert found.mask.tolist() == [True, False, False, True]
    assert found.categories == frozenset()


def test_only_what_a_message_names_is_opened(shelves):
    assert shelves.asked("some vitamins for winter please") == {"VITAMIN", "Vitamins"}
    assert shelves.asked("a red WINE for dinner") == {"DOMESTIC WINE"}
    assert "VITAMIN" in shelves.asked("I need medicine")
    assert "CONDOM" not in shelves.asked("I need medicine")
    assert shelves.asked("blood oxygen monitor") == {"BLOOD_OXYGEN_MONITOR"}
    for harmless in ("running shoes", "a hot glue gun", "wine glasses", "", "gift for my sister", "🎁", "vitaminwater"):
        assert shelves.asked(harmless) == frozenset(), harmless


def test_hidden_opens_asked_rows_by_category_and_by_title():
    rows = [
        {"title": "Vitamin C", "category": "VITAMIN"},
        {"title": "Study Bible", "category": "Books"},
        {"title": "Erotica, a reader", "category": "Books"},
        {"title": "Cookbook", "category": "Books"},
    ]
    found = of(rows)
    assert found.hidden().tolist() == [True, True, True, False]
    assert found.hidden("a study bible").tolist() == [True, False, True, False]
    assert found.hidden("vitamin").tolist() == [False, True, True, False]
    assert found.hidden("something religious").tolist() == [True, False, True, False]
    assert found.hidden("books").tolist() == [True, True, True, False]


def test_nobody_can_change_the_mask(shelves):
    with pytest.raises(ValueError, match="read-only"):
        shelves.mask[0] = False


def test_a_shops_own_list_replaces_the_packaged_one(tmp_path):
    (tmp_path / "sensitive.toml").write_text('[pets]\ncategories = ["dog", "PET_FOOD"]\nexcept = ["hot dog"]\n')
    catalogue = Catalogue(frame([{"category": name} for name in ("Dogs", "Hot dogs", "Pet food", "VITAMIN")]))
    own = Sensitive.of(catalogue, tmp_path)
    assert own.categories == {"Dogs", "Pet food"}
    assert Sensitive.of(catalogue).categories == {"VITAMIN"}
    assert not Sensitive(catalogue, {}).mask.any()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[health\n", "line 1"),
        ('[health]\ncategorys = ["x"]\n', "health.categorys"),
        ("[health]\ncategories = 3\n", "health.categories"),
        ('[health]\ncategories = ["a", 3]\n', "health.categories.1"),
        ('health = "x"\n', "wrong at health"),
    ],
)
def test_a_malformed_list_names_the_place(tmp_path, text, said):
    (tmp_path / "sensitive.toml").write_text(text)
    with pytest.raises(ShopError, match=said) as caught:
        read_groups(tmp_path / "sensitive.toml")
    assert str(PACKAGED) in caught.value.remedy


def test_bytes_that_are_no_text_are_an_error(tmp_path):
    (tmp_path / "sensitive.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ShopError, match="can't be parsed"):
        read_groups(tmp_path / "sensitive.toml")


@pytest.mark.data
def test_on_real_shops_some_goods_are_sensitive_and_most_are_not(data):
    columns = {"Title": "title", "Category": "category"}
    bought = pl.read_csv(data / "open-ecommerce" / "amazon-purchases.csv.gz", columns=list(columns), n_rows=40_000)
    bought = bought.rename(columns).fill_null("").unique(maintain_order=True)
    found = Sensitive.of(Catalogue(frame(bought.to_dicts())))
    assert {"VITAMIN", "NUTRITIONAL_SUPPLEMENT", "HERBAL_SUPPLEMENT"} <= found.categories
    assert 0.005 < float(np.mean(found.mask)) < 0.08
    assert len(found.categories) < 0.05 * bought["category"].n_unique()


@pytest.mark.parametrize(
    ("title", "asks"),
    [
        ("Refresh Tears Lubricant Eye Drops, 65 ct", "eye drops"),
        ("Hydrocolloid Acne Patches, Pimple Patch for Face", "acne patches"),
        ("Graduated Compression Socks for Women", "compression socks"),
        ("My Jesus: poems for every day", "a book about Jesus"),
        ("Christian Cross Magnetic Bookmarks", "christian cross bookmarks"),
    ],
)
def test_goods_that_tell_of_health_or_faith_by_their_title_alone_are_kept_back_until_asked_for(
    title: str, asks: str
) -> None:
    goods = of([{"title": title, "category": "GROCERY"}, {"title": "Christian Dior mug", "category": "GROCERY"}])
    assert goods.mask.tolist() == [True, False]
    assert not goods.hidden(asks).any()
