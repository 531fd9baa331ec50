"""The goods of the demo shop. Prices are in won; pictures lie beside, named by slug."""

from dataclasses import dataclass
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"


@dataclass(frozen=True, slots=True)
class Shelf:
    slug: str
    name_ko: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Goods:
    slug: str
    shelf: str
    name_ko: str
    name_en: str
    price: int
    stock: int
    description_ko: str
    description_en: str
    is_tax_free: bool = False
    needs_delivery: bool = True

    @property
    def picture(self) -> Path:
        return PICTURES / f"{self.slug}.svg"


SHELVES = [
    Shelf("kitchen", "주방", "Kitchen"),
    Shelf("home", "리빙", "Home"),
    Shelf("desk", "문구·책", "Desk & books"),
    Shelf("carry", "패션잡화", "Wear & carry"),
    Shelf("pantry", "먹거리", "Pantry"),
    Shelf("classes", "클래스", "Classes"),
    Shelf("memberships", "멤버십", "Memberships"),
]

GOODS = [
    Goods(
        "drip-kettle",
        "kitchen",
        "구즈넥 드립 포트 0.8L",
        "Gooseneck drip kettle, 0.8 L",
        48_000,
        24,
        "가는 목이 물줄기를 고르게 잡아 줍니다. 호두나무 손잡이는 뜨거워지지 않아요.\n\n"
        "스테인리스 스틸, 무광 숲색 도장. 인덕션에서도 쓸 수 있습니다.",
        "A slender neck keeps the pour even, and the walnut handle stays cool.\n\n"
        "Stainless steel in matt forest green. Works on induction too.",
    ),
    Goods(
        "stoneware-mug",
        "kitchen",
        "도톰한 머그 350ml",
        "Hearty stoneware mug, 350 ml",
        18_000,
        40,
        "손으로 유약을 흘려 하나하나 무늬가 다릅니다. 도톰해서 천천히 식어요.\n\n"
        "전자레인지와 식기세척기 사용 가능.",
        "Glazed by hand, so no two are alike; thick enough to keep your coffee warm.\n\n"
        "Safe in the microwave and the dishwasher.",
    ),
    Goods(
        "cutting-board",
        "kitchen",
        "느티나무 도마",
        "Zelkova cutting board",
        32_000,
        15,
        "나뭇결이 살아 있는 통원목 도마입니다. 고리를 걸어 말리기 좋아요.\n\n"
        "38 × 24 cm, 식물성 오일 마감.",
        "One solid piece with a lively grain, and a hole to hang it up to dry.\n\n"
        "38 × 24 cm, finished with plant oil.",
    ),
    Goods(
        "soy-candle",
        "home",
        "소이 캔들 무화과",
        "Soy candle, fig leaf",
        24_000,
        30,
        "무화과 잎과 젖은 흙 내음. 천연 콩 왁스에 면 심지를 넣었습니다.\n\n"
        "약 45시간 연소, 나무 뚜껑 포함.",
        "Fig leaf and damp earth, in natural soy wax with a cotton wick.\n\n"
        "Burns for about 45 hours; comes with a wooden lid.",
    ),
    Goods(
        "desk-lamp",
        "home",
        "테라코타 갓 스탠드",
        "Terracotta dome lamp",
        89_000,
        8,
        "둥근 갓이 빛을 아래로 모아 책 읽기 좋은 자리를 만듭니다. 줄을 당겨 켜고 꺼요.\n\n"
        "높이 46 cm, E26 LED 전구 포함.",
        "A round shade gathers the light where you read. Pull the cord to switch it.\n\n"
        "46 cm tall, with an E26 LED bulb.",
    ),
    Goods(
        "wool-blanket",
        "home",
        "울 블렌드 담요",
        "Wool-blend blanket",
        64_000,
        0,
        "무릎에도 소파에도 어울리는 두툼한 담요입니다.\n\n130 × 170 cm, 울 60%.",
        "Thick and soft, for a lap or a whole sofa.\n\n130 × 170 cm, 60% wool.",
    ),
    Goods(
        "plant-pot",
        "home",
        "토분과 고무나무",
        "Rubber plant in a clay pot",
        28_000,
        12,
        "숨 쉬는 토분에 담긴 작은 고무나무입니다. 물은 겉흙이 마르면 주세요.\n\n높이 약 35 cm.",
        "A young rubber plant in a breathing clay pot. Water it when the soil feels dry.\n\n"
        "About 35 cm tall.",
    ),
    Goods(
        "plain-notebook",
        "desk",
        "무지 노트 두 권",
        "Two plain notebooks",
        9_000,
        120,
        "만년필 잉크가 번지지 않는 도톰한 종이. 쫙 펼쳐지는 실 제본입니다.\n\nA5, 각 128쪽.",
        "Thick paper that fountain-pen ink does not bleed through, sewn to lie flat.\n\n"
        "A5, 128 pages each.",
    ),
    Goods(
        "pencil-set",
        "desk",
        "연필 여섯 자루",
        "Six pencils",
        12_000,
        60,
        "B 심, 지우개 달린 육각 연필. 한 자루마다 다른 색입니다.",
        "Soft B leads in six colours, each with its own eraser.",
    ),
    Goods(
        "walking-book",
        "desk",
        "책 『동네 산책』",
        "Book: A Walk Around the Block",
        15_000,
        35,
        "매일 같은 길을 걸으며 쓴 서른 편의 짧은 글.\n\n224쪽. 도서는 부가가치세가 면제됩니다.",
        "Thirty short pieces written on the same daily walk.\n\n"
        "224 pages, in Korean. Books carry no VAT.",
        is_tax_free=True,
    ),
    Goods(
        "canvas-tote",
        "carry",
        "캔버스 토트백",
        "Canvas tote bag",
        26_000,
        45,
        "장바구니로도 책가방으로도 든든한 16수 캔버스. 안주머니가 하나 있습니다.",
        "Sturdy canvas for groceries or books, with one pocket inside.",
    ),
    Goods(
        "striped-socks",
        "carry",
        "줄무늬 양말 두 켤레",
        "Striped socks, two pairs",
        9_900,
        80,
        "발끝과 뒤꿈치를 한 겹 더 떴습니다. 230–270 mm.",
        "Toes and heels knitted twice as thick. Fits 230–270 mm.",
    ),
    Goods(
        "long-umbrella",
        "carry",
        "겨자색 장우산",
        "Mustard umbrella",
        34_000,
        3,
        "바람에 뒤집히지 않는 여덟 살대, 단풍나무 손잡이. 지름 105 cm.",
        "Eight ribs that hold in the wind and a maple handle. 105 cm across.",
    ),
    Goods(
        "jeju-tangerines",
        "pantry",
        "제주 노지 감귤 3kg",
        "Jeju tangerines, 3 kg",
        19_900,
        50,
        "서귀포 밭에서 딴 다음 날 보냅니다. 껍질이 얇고 새콤달콤해요.\n\n"
        "가공하지 않은 농산물은 부가가치세가 면제됩니다.",
        "Picked in Seogwipo and sent the next day; thin-skinned, sweet and tart.\n\n"
        "Unprocessed produce carries no VAT.",
        is_tax_free=True,
    ),
    Goods(
        "yuja-preserve",
        "pantry",
        "고흥 유자청 500g",
        "Goheung yuja preserve, 500 g",
        16_000,
        28,
        "고흥 유자를 껍질째 썰어 절반의 설탕으로 재웠습니다. 따뜻한 차로, 탄산수에 한 숟갈.",
        "Whole yuja from Goheung with half the usual sugar. A spoonful in hot water or with soda.",
    ),
    Goods(
        "green-tea-tin",
        "pantry",
        "하동 우전 녹차 40g",
        "Hadong first-flush green tea, 40 g",
        22_000,
        18,
        "곡우 전에 딴 어린잎을 무쇠솥에 덖었습니다. 70도 물에 1분이면 충분해요.",
        "Young leaves picked before the April rains, pan-fired by hand. One minute at 70 °C.",
    ),
    Goods(
        "drip-coffee-class",
        "classes",
        "핸드드립 원데이 클래스 이용권",
        "One-day drip coffee class, one seat",
        38_000,
        20,
        "원두 고르기부터 물줄기 다루기까지, 두 시간 동안 세 잔을 직접 내려 봅니다. "
        "도구와 원두는 준비해 두어요.\n\n"
        "매주 토요일 오후 2시, 가게 2층. 주문 확인 메일을 보여 주시면 됩니다.",
        "From choosing beans to steadying the pour: three cups in two hours, tools included.\n\n"
        "Saturdays at 2 p.m. above the shop, in Korean. Show the e-mail that confirms your order.",
        needs_delivery=False,
    ),
]
