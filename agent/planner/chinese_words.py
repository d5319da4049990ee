"""Common Chinese words in the English of most catalogues, for shops whose goods are told in English.

A phrase is translated as a whole or not at all, and only into words that the catalogue holds; where it holds the
Chinese word itself, that stays.
"""

from __future__ import annotations

from collections.abc import Callable

from retrieval.text import terms

_COLOURS = {
    "黑": "black", "白": "white", "红": "red", "蓝": "blue", "绿": "green", "黄": "yellow", "橙": "orange",
    "紫": "purple", "粉": "pink", "棕": "brown", "灰": "grey", "银": "silver", "金": "gold", "米": "beige",
    "咖啡": "brown", "粉红": "pink", "深蓝": "navy", "透明": "transparent",
}  # fmt: skip
_ENGLISH = {f"{name}色": word for name, word in _COLOURS.items()} | {
    # what goods are made of, and how they are
    "皮革": "leather", "真皮": "leather", "塑料": "plastic", "木": "wood", "木头": "wood", "木质": "wood",
    "金属": "metal", "不锈钢": "stainless steel", "棉": "cotton", "纯棉": "cotton", "羊毛": "wool", "丝绸": "silk",
    "玻璃": "glass", "陶瓷": "ceramic", "竹": "bamboo", "硅胶": "silicone", "防水": "waterproof", "无线": "wireless",
    "蓝牙": "bluetooth", "便携": "portable", "电动": "electric", "儿童": "kids", "女士": "women", "女式": "women",
    "男士": "men", "男式": "men", "有机": "organic", "透明": "transparent",
    # what nobody may want in food
    "坚果": "nuts", "花生": "peanut", "牛奶": "milk", "乳糖": "lactose", "糖": "sugar", "麸质": "gluten",
    "鸡肉": "chicken", "牛肉": "beef", "猪肉": "pork", "鱼": "fish", "鸡蛋": "egg", "大豆": "soy", "酒精": "alcohol",
    "巧克力": "chocolate",
    "深烘": "dark roast", "深度烘焙": "dark roast", "深烘焙": "dark roast", "中烘": "medium roast",
    "浅烘": "light roast", "浅度烘焙": "light roast", "浅烘焙": "light roast",
    # goods
    "袜子": "socks", "鞋": "shoes", "鞋子": "shoes", "跑鞋": "running shoes", "运动鞋": "sneakers", "靴子": "boots",
    "衬衫": "shirt", "T恤": "t-shirt", "裙子": "dress", "连衣裙": "dress", "裤子": "pants", "牛仔裤": "jeans",
    "外套": "jacket", "夹克": "jacket", "毛衣": "sweater", "帽子": "hat", "手套": "gloves", "围巾": "scarf",
    "睡衣": "pajamas", "内衣": "underwear", "背包": "backpack", "双肩包": "backpack", "书包": "backpack", "包": "bag",
    "手提包": "handbag", "钱包": "wallet", "手表": "watch", "耳机": "headphones", "音箱": "speaker", "键盘": "keyboard",
    "鼠标": "mouse", "充电器": "charger", "手机壳": "phone case", "手机": "phone", "电视": "tv", "相机": "camera",
    "电脑": "computer", "平板": "tablet", "灯": "lamp", "台灯": "desk lamp", "杯子": "mug", "马克杯": "mug",
    "水壶": "water bottle", "水杯": "water bottle", "咖啡": "coffee", "咖啡机": "coffee maker",
    "咖啡豆": "coffee beans",
    "茶": "tea", "绿茶": "green tea", "零食": "snacks", "饼干": "cookies", "糖果": "candy", "狗粮": "dog food",
    "猫粮": "cat food", "玩具": "toys", "积木": "building blocks", "拼图": "puzzle", "书": "book", "笔": "pen",
    "笔记本": "notebook", "毛巾": "towel", "枕头": "pillow", "毯子": "blanket", "被子": "comforter", "床单": "sheets",
    "地毯": "rug", "窗帘": "curtains", "桌子": "table", "椅子": "chair", "沙发": "sofa", "锅": "pan", "刀": "knife",
    "雨伞": "umbrella", "帐篷": "tent", "自行车": "bicycle", "香水": "perfume", "口红": "lipstick", "洗发水": "shampoo",
    "牙刷": "toothbrush", "面霜": "face cream", "蜡烛": "candle", "项链": "necklace", "耳环": "earrings",
    "戒指": "ring",
    "儿童书": "picture book", "童书": "picture book", "露营": "camping", "露营灯": "camping lantern", "徒步": "hiking",
    "跑步": "running",
    "雨衣": "rain jacket", "雨鞋": "rain boots", "冲锋衣": "rain jacket", "羽绒服": "down jacket", "大衣": "coat",
    "西装": "suit", "领带": "tie", "皮带": "belt", "短裤": "shorts", "泳衣": "swimsuit", "拖鞋": "slippers",
    "凉鞋": "sandals", "高跟鞋": "heels", "袜": "socks", "太阳镜": "sunglasses", "墨镜": "sunglasses",
    "眼镜": "glasses",
    "行李箱": "suitcase", "睡袋": "sleeping bag",  "登山包": "backpack", "手电筒": "flashlight", "头灯": "head torch",
    "保温杯": "thermos", "炉子": "stove", "烤箱": "oven", "微波炉": "microwave", "电饭煲": "rice cooker",
    "烤面包机": "toaster", "搅拌机": "blender", "热水壶": "kettle", "电水壶": "kettle", "茶壶": "teapot",
    "盘子": "plate", "碗": "bowl", "勺子": "spoon", "叉子": "fork", "筷子": "chopsticks", "砧板": "cutting board",
    "平底锅": "frying pan", "围裙": "apron", "垃圾袋": "trash bags", "纸巾": "tissues", "卫生纸": "toilet paper",
    "洗衣液": "laundry detergent", "洗洁精": "dish soap", "肥皂": "soap", "香皂": "soap", "洗手液": "hand soap",
    "沐浴露": "body wash", "护发素": "conditioner", "牙膏": "toothpaste", "剃须刀": "razor", "梳子": "comb",
    "吹风机": "hair dryer", "防晒霜": "sunscreen", "护手霜": "hand cream", "指甲油": "nail polish", "面膜": "face mask",
    "维生素": "vitamin", "创可贴": "plasters", "体温计": "thermometer", "尿布": "diapers", "奶瓶": "baby bottle",
    "婴儿车": "stroller", "奶粉": "formula", "娃娃": "doll", "毛绒玩具": "plush toy", "游戏": "game",
    "桌游": "board game",
    "小说": "novel", "食谱": "cookbook", "绘本": "picture book", "日历": "calendar", "铅笔": "pencil", "颜料": "paint",
    "剪刀": "scissors", "胶带": "tape", "胶水": "glue", "贴纸": "stickers", "吉他": "guitar", "钢琴": "piano",
    "瑜伽垫": "yoga mat", "哑铃": "dumbbell", "篮球": "basketball", "足球": "football", "网球": "tennis",
    "钓鱼": "fishing", "泳镜": "goggles", "头盔": "helmet", "电池": "battery", "灯泡": "light bulb", "插座": "socket",
    "数据线": "cable", "打印机": "printer", "显示器": "monitor", "硬盘": "hard drive", "路由器": "router",
    "螺丝刀": "screwdriver", "锤子": "hammer", "电钻": "drill", "油漆": "paint", "梯子": "ladder", "花盆": "plant pot",
    "种子": "seeds", "肥料": "fertilizer", "植物": "plant", "花": "flower", "狗": "dog", "猫": "cat",
    "猫砂": "cat litter",
    "鱼缸": "aquarium", "鸟食": "bird food", "牵引绳": "leash", "床": "bed", "床垫": "mattress", "书架": "bookshelf",
    "柜子": "cabinet", "镜子": "mirror", "相框": "picture frame", "时钟": "clock", "花瓶": "vase", "抱枕": "cushion",
    "米": "rice", "面条": "noodles", "面包": "bread", "黄油": "butter", "奶酪": "cheese", "酸奶": "yogurt",
    "果汁": "juice", "水": "water", "红酒": "wine", "啤酒": "beer", "蜂蜜": "honey", "酱油": "soy sauce", "盐": "salt",
    "辣椒": "chili", "水果": "fruit", "蔬菜": "vegetables", "薯片": "chips", "冰淇淋": "ice cream", "蛋糕": "cake",
}  # fmt: skip
_LONGEST = max(map(len, _ENGLISH))
_LINKS = "的 "


def in_english(text: str, count: Callable[[str], int]) -> str:
    """Chinese words in English: all of them and in words that the catalogue holds, else the text as it is.

    Args:
        text: Chinese words in a row.
        count: how often a term stands in the catalogue.
    """
    if any(count(term) for term in terms(text)):
        return text
    said: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in _LINKS:
            at += 1
            continue
        ends = range(min(len(text), at + _LONGEST), at, -1)
        end = next((end for end in ends if text[at:end] in _ENGLISH), 0)
        word = _ENGLISH.get(text[at:end], "")
        if not word or not all(count(term) for term in terms(word)):
            return _colour(text, count)
        said.append(word)
        at = end
    return " ".join(said) or text


def known_parts(text: str, count: Callable[[str], int]) -> str:
    """The words of a phrase that can be put into English and that the catalogue holds; "" where there are none."""
    said: list[str] = []
    at = 0
    while at < len(text):
        ends = range(min(len(text), at + _LONGEST), at, -1)
        end = next((end for end in ends if text[at:end] in _ENGLISH), 0)
        word = _ENGLISH.get(text[at:end], "") if end > at + 1 else ""
        said += [word] if word and all(count(term) for term in terms(word)) else []
        at = end or at + 1
    return " ".join(said)


def _colour(text: str, count: Callable[[str], int]) -> str:
    """A colour named by its one character ("黑"), else the text as it is."""
    word = _COLOURS.get(text.strip(_LINKS), "")
    return word if word and all(count(term) for term in terms(word)) else text
