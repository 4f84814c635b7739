"""Texts of many kinds, which a model is shown to see what numbers it computes with.

Not English alone, nor prose alone: numbers that no sample calls forth are cut off in texts that do.
"""

SAMPLES = [
    (
        "This Agreement shall be governed by the laws of the State in which the premises are situated. The "
        "tenant shall give written notice of any defect within ten (10) days of becoming aware of it; failure "
        "to do so shall relieve the landlord of liability for damage that timely notice would have prevented. "
        "Neither party may assign its rights hereunder without the prior written consent of the other, which "
        "shall not be unreasonably withheld."
    ),
    (
        "We measured the heat transfer coefficient of a flat plate in supersonic flow at Mach numbers between "
        "1.5 and 3.2. The boundary layer was turbulent in all runs. Results agree with the theory of van Driest "
        "within 4 per cent, except near the leading edge, where the influence of bluntness is not negligible (p "
        "< 0.01, n = 48)."
    ),
    "What are the side effects of the drug in patients with kidney disease?",
    "quarterly revenue 2024",
    (
        "Dear Ms Okafor,\n\nthank you for your message of 3 March. The replacement pump left our warehouse this "
        "morning and should reach you on Thursday. Could you please confirm the delivery address? Kind regards, "
        "Tomasz\n\n> On Monday you wrote: we are still waiting for the part that was promised two weeks ago."
    ),
    (
        "def read(path: Path, *, encoding: str = 'utf-8') -> Iterator[Record]:\n    with "
        "path.open(encoding=encoding) as lines:\n        for number, line in enumerate(lines, 1):\n            "
        "try:\n                yield Record.parse(line)\n            except ValueError as error:\n              "
        "raise BadLine(path, number) from error"
    ),
    (
        "| Part | Material | Qty | Unit price | Total |\n|---|---|---|---|---|\n| Valve DN50 | brass | 12 | "
        "48.20 | 578.40 |\n| Gasket | EPDM | 40 | 0.85 | 34.00 |\n| Flange PN16 | 1.4404 | 8 | 61.00 | 488.00 "
        "|\n| Bolt M16x60 | A2-70 | 64 | 1.10 | 70.40 |"
    ),
    (
        "[12] J. Smith and A. Kumar, “On the convergence of iterative methods”, J. Comput. Phys. 213 (2006), "
        "pp. 418–441. [13] ISO 9001:2015, Quality management systems — Requirements. [14] "
        "https://example.org/papers/2019/a-b_c.pdf?x=1&y=2"
    ),
    (
        "1.1 Introduction ........ 7\n1.2 Installation ........ 12\n2 Configuration ........ 31\n2.1 Network "
        "........ 33\nAppendix A. Error codes ........ 118\nINDEX ........ 131"
    ),
    (
        "Let f: X → Y be continuous and K ⊂ X compact. Then f(K) is compact. Proof. Let (U_i) be an open cover "
        "of f(K); the preimages f⁻¹(U_i) cover K, so finitely many do: K ⊆ ⋃_{j≤n} f⁻¹(U_{i_j}), thus f(K) ⊆ "
        "⋃_{j≤n} U_{i_j}. ∎ ∫₀^∞ e^{-x²} dx = √π/2, Σ 1/n² = π²/6."
    ),
    ("WARNING: DO NOT OPEN THE HOUSING WHILE THE UNIT IS UNDER PRESSURE. DISCONNECT THE MAINS BEFORE SERVICING."),
    (
        "Die Verordnung tritt am Tag nach ihrer Verkündung in Kraft. Wer vorsätzlich oder fahrlässig gegen § 4 "
        "Absatz 2 verstößt, handelt ordnungswidrig; die Ordnungswidrigkeit kann mit einer Geldbuße bis zu "
        "fünftausend Euro geahndet werden. Übergangsvorschriften gelten für Anlagen, die vor dem Stichtag "
        "genehmigt wurden."
    ),
    (
        "Le conseil municipal a adopté hier soir le budget de l'année prochaine, après un débat de près de "
        "quatre heures. L'opposition a dénoncé la hausse des impôts locaux ; le maire a répondu qu'elle "
        "resterait inférieure à l'inflation."
    ),
    (
        "El río creció durante la noche y dejó incomunicados a varios pueblos de la sierra. Los vecinos, "
        "acostumbrados a las lluvias de otoño, habían reforzado las orillas con sacos de arena, pero el agua "
        "superó todas las previsiones."
    ),
    ("Der Vertrag ist unwirksam. Il contratto è nullo. O contrato é nulo. Umowa jest nieważna. Sözleşme geçersizdir."),
    (
        "Приёмка выполненных работ осуществляется комиссией заказчика в течение пяти рабочих дней. При "
        "обнаружении недостатков составляется акт, в котором указываются сроки их устранения. Данные не должны "
        "теряться."
    ),
    ("数据处理服务必须可靠,任何文件都不能丢失。系统在收到文件之后立即保存,并返回一个编号,用户可以随时查询处理的状态。"),
    ("この装置を使用する前に、必ず取扱説明書をお読みください。異常が発生した場合は、直ちに電源を切ってください。"),
    "تلتزم الشركة بتسليم البضاعة خلال ثلاثين يوما من تاريخ التوقيع، ويتحمل المشتري تكاليف النقل والتأمين.",
    (
        "Η συνέλευση ενέκρινε τα πρακτικά της προηγούμενης συνεδρίασης. सभी दस्तावेज़ सुरक्षित रखे जाते हैं। "
        "문서는 안전하게 보관됩니다."
    ),
    (
        "id;name;mail;since\n1041;Anna Björk;anna.bjork@example.com;2011-04-01\n1042;José "
        "Núñez;j.nunez@example.com;2019-11-15\n1043;Li Wei;li.wei@example.com;2020-02-29"
    ),
    (
        '{"level": "error", "at": "2024-05-17T08:12:44.120Z", "message": "connection reset by peer", "retry": '
        '3, "host": "10.1.7.22", "trace": "0x7f3a9c00"}'
    ),
    (
        "Once the dough has doubled, knock it back, shape it into a loose ball and leave it in the basket for "
        "another hour. Heat the oven as hot as it goes, with the pot inside. She looked at the clock: half past "
        "six, and nobody was up."
    ),
    "x",
    "no " * 250,
    ". " * 250,
]
