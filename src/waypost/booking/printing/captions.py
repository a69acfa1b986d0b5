"""The words that stand on labels and slips of themselves, in four languages."""

import msgspec


class Captions(msgspec.Struct, frozen=True, kw_only=True):
    """In one language. `to` and `sent_by` stand in small squares."""

    to: str
    sent_by: str
    bag: str
    cod: str
    is_return: str
    piece: str
    weight: str
    order: str
    reference: str
    items: str
    remark: str
    printed: str
    slip: str
    page: str
    number: str
    description: str
    quantity: str
    value: str
    total: str
    note: str


CAPTIONS = {
    "en": Captions(
        to="TO",
        sent_by="FROM",
        bag="Bag",
        cod="COD",
        is_return="RETURN",
        piece="Piece",
        weight="Weight",
        order="Order",
        reference="Ref.",
        items="Items",
        remark="Remark",
        printed="Printed",
        slip="Packing slip",
        page="Page",
        number="No.",
        description="Description",
        quantity="Qty",
        value="Value each",
        total="Total",
        note="Note",
    ),
    "zh": Captions(
        to="收",
        sent_by="寄",
        bag="集包地",
        cod="代收货款",
        is_return="退件",
        piece="件数",
        weight="重量",
        order="订单号",
        reference="参考号",
        items="物品",
        remark="备注",
        printed="打印时间",
        slip="装箱单",
        page="页",
        number="序号",
        description="品名",
        quantity="数量",
        value="单价",
        total="合计",
        note="留言",
    ),
    "es": Captions(
        to="PARA",
        sent_by="DE",
        bag="Saca",
        cod="REEMBOLSO",
        is_return="DEVOLUCIÓN",
        piece="Bulto",
        weight="Peso",
        order="Pedido",
        reference="Ref.",
        items="Contenido",
        remark="Observación",
        printed="Impreso",
        slip="Albarán",
        page="Página",
        number="N.º",
        description="Descripción",
        quantity="Cant.",
        value="Valor unitario",
        total="Total",
        note="Nota",
    ),
    "pt": Captions(
        to="PARA",
        sent_by="DE",
        bag="Mala",
        cod="COBRAR",
        is_return="DEVOLUÇÃO",
        piece="Volume",
        weight="Peso",
        order="Pedido",
        reference="Ref.",
        items="Conteúdo",
        remark="Observação",
        printed="Impresso",
        slip="Romaneio",
        page="Página",
        number="N.º",
        description="Descrição",
        quantity="Qtd.",
        value="Valor unitário",
        total="Total",
        note="Recado",
    ),
}
