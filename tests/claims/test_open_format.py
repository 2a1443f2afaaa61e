"""Workbooks in the open format (.ods), and the binary one (.xlsb) that is not read."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from tests.claims.county import VISIT, write
from tests.claims.test_sources import contents

#: As LibreOffice writes it (its content and manifest alone): sheet 结算 with a title, times as dates, amounts as numbers, the total of the second visit =NA(), a
#: row 合计; and a hidden sheet 旧.
ODS = (
    "c-rk-L676M6`pj{qS#*3yXyc!f>f4l?@q?<jDy9dLDJnF3_8=IH-i=_n+YWfBsCu2dTEg65Cq5}x#rYc4!!0V^au1OG~3@$plBaSNtQj5N1pX6"
    "i>znXUW<J1eILok_ec+U_UO*5uN~N*Umg5~4L<9@C;j?4yh0ihwTKCdV@7?XD39FB2zNM=RCahwBFz0HB$4XKSP+Eej1YCUV)Ohz|2%m-I5^O+"
    "UqFe^Bc&CtLU#NvytOWgkYM<v-R*eo7Kwb0X*4})|KZ|&=cxVe=<YEO0_u}thUKItTA&@tAplEwGVD&;iHL@V-Y`NTkwfJVi#&(db%qAlmiton"
    ")k%A%R6KOu`F!4)_d8rn-HYG5y3SGLO1YWzRA9`?q<fy%cc(5!3OSdQ%wNwmu4XDM)#wfe1J~5%qLNma?z(?^^7!1Jkq|jFk_tsWS!&^%wQ}Kr"
    "i%?d`_gq_@31c2sS_TP+TtbKD($W_+R&|HNN*4!0L)X>TvPInxsaZuIAGuGU(!4!+oXK1Fs*9F7V*!tIp2KMcE0OiiJ=Z=jTUHn8N-`(l;O$`y"
    "jyhrMp!1EWb3qjm`A{<&eO&E$x;7tZf#w^V)b(5~Q()q6Wa1;{=f;<!aUz%z!oEuw(G8bwx6{q1m)3*nmUfqz<^dq!Nrdg(wf#q~Vj`%nLd>WQ"
    "S1c6!O{xW}J=R9JsI8WKZd6ul$ULa;VxZT{F%b;?W*-~4MyNP~b+NQ8gxexfEc&><dLI{cMXWaPyzdGUbD@f}{3?aYh0Dg2a~)zh4j|xxSM#`H"
    ">dVV%?XkU_R!l8_hD7aAHo_||qDP{(kDxVd$hWAjvX(9CGJcEMlJ<GQLeXTDgcBlaI|JmqYf~nmgyDK)%$-oK53ts@=2FeVa-rWIWorYQL8O}("
    "1h7VM0^}116Q9Y^u_cxlx9qd#angQ>7@Y{(Zh=!|A|YjqVogz9*Ev%X0eOgLa!#deyPF~2BOjqZCarT6$r6}1P|W3T3Np4}Gwebt60V5ERQZtl"
    "E|H)n9^Am`F@?c3p0SzNnp_=jrc0iI+9_AufVCd}?osRfVI{Y9!JT!STjfY;IZ70Vl?L@4V<-18^S;s+pLcVxl)IVt5Pnz^M(s?qSm?ws2Z&IV"
    "$X39I6Ifh->`Vy6J20rBGmEMCoMOG`@j6Gn!GK1l0R=wQ<U|!Y!RKqtprlC4R_VeSq0^bt=soYK59pgICz3ckRy0J+DXJ@xkov?GDkq*5h7gK~"
    "aAGtij@3AWkLS8>d_NdJ{qD=B-+r~$!b0n8WX4p+3@uV_sb#&gf|Tim9D`LR95va7cJEnefB)6rYI6<{liQKD;a<ma;#{YG`i>5`smy{P(Mmt3"
    "YbwU0skWJx>h;gaId+SWSzQQ|YIb{dj21PNTjk0#o(Ne(eON)AMu{TNU_cVszv3zb?zJ)45Lif6U?GfUH8B!;&uku?EEfeRVJed_+tgyc9q5&y"
    "1P06IzTH7PkR+#&ks}_JOklS%V5Sulju*>BzWg3xbZi}3ui_JCkt9*tjWb{O5yTSM$xCqVOOm_1ty}^IG{O!;6T;-0jE+TuOu@WxU^OC$)QgKU"
    "sX1lXM*_<<7-a19F3aXd`y8Sx8YZEGX%G<TdcCvsIv#A3P1jU6DKlu^Q)6~K(pZ(26-P=3!NQUUw(BjkBrY@^mT1f7*vdGDbcl(BK}+L-t#(%^"
    "q?xD$)g-i(pz+pJR6<wA1RNLEd)>qS(Y;IxTZgl5ROX3m$dDCEV0EfmV+i*0bs=I2arC!Ukl~ep9&NX>{a;BP7}7QI$ae1cUw{7eyH8+vY+*J|"
    "OPCVi8a>c2jCtO)AFi$7YHUpLcFlZ7%n&P~ng)$!G>&+qkO93438s-8`!J;%g$B?>*EHV6je|lDHxD`?(+F0p&4R+_x^YYs9vVl5F%1YA%Opgh"
    "YIe#d5gx~A@k3zGXb@}cMnRG9tHwcfpn!GStZ`sL0z5W89WXR)I3iOuzE!rpc~Nor&Wp9EIPW&vwXl$G6z{BAxDT3z>vz3I@w(lHhp*e+>HO=J"
    "?ZV7Hyo9IT!{-%dLvL!qir2gEczws~UU-9{=fS`7)))(UTb63AOzk#}+adM-?Wp&+r(VJ_U>vDc_7EUFuhT7OWaXEhp(S_i9Cc|PdbKznKBr#l"
    "*X^YK)_qieplXg%v)N_m+4|@O%htVyvvqHut@qh_pRHf6Y;6nlx6KJdCv6@KPfj1a`Br<Ae`J3EFppUS%GnYjxLDGC{nUN1PvrYV{&FSqe#42p"
    "zfa`*M7~et`)&7r+r7`$`)s{k1ON5Kr~m%;n-}YR!72dAtyuT&9o;`1v~S1j-i~|!_K?Mr>Jv8lSY7GynqK>5JQIVO{rmdPr$z7iPyX`YS}(Rf"
    "pUB>;1>SqHI{W4rWX>Y~_+pTT!o?$pg(K%HXCU2`Q<84QUC7burOQwM`rrTk`qhI2{rV-8Jo)X#1Lwoj_uUXhG$3-T>zA3%F#C|-v$K!2@2g~X"
    "3{w8Ia-rinTxA*EZ7rJ+P#6>t7mFo<Akl|g&80!NlGm~m2&O2VTie}>1?Sj;%0nInbeh<+rLyPNq#%<>k8LNR9lvN{JMi311P*EdgVfsqx+Mlt"
    "NK>t_Z*JOdZPXqu-nrSrrRCkyP0#-B-0;N=;#7nvldj4>c4D28OF?Lero@fS5%jyq?zI^Y;pLT|ymqJhrg--A=T{C2_r}+?*6)HZwJug~hOaBG"
    "$Frs4KL!=i?d;J{f2Kw5!0+GT|2Iea>HmD3Qak"
)  # fmt: skip


def delivered(folder: Path) -> Path:
    (write(folder) / "结算.ods").write_bytes(zlib.decompress(base64.b85decode(ODS)))
    return folder


def test_its_rows_are_those_of_the_same_csv(tmp_path: Path) -> None:
    done = intake(delivered(tmp_path / "in"), tmp_path / "house", allow_ignored=["*旧*"])
    visits = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"00{i}"} for i in (1, 3)]
    told = done.tables["settlements"]
    assert (told.rows_in, told.accepted, told.quarantined) == (4, 2, 2)
    end = write(tmp_path / "csv", settlements=visits)
    intake(end, tmp_path / "other")
    assert contents(tmp_path / "house") == contents(tmp_path / "other")


def test_the_error_of_a_formula_is_a_lost_value_and_no_blank(tmp_path: Path) -> None:
    intake(delivered(tmp_path / "in"), tmp_path / "house", allow_ignored=["*旧*"])
    rows = list_quarantine(tmp_path / "house")[["line", "column", "reason_code"]]
    assert rows.values.tolist() == [[4, "medfee_sumamt", "Q03"], [6, "", "Q06"]]


def test_a_hidden_sheet_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"结算\.ods\[旧\] \(the sheet is hidden"):
        intake(delivered(tmp_path / "in"), tmp_path / "house")


def test_a_binary_workbook_is_refused(tmp_path: Path) -> None:
    """Its reader gives the errors of formulas as empty cells."""
    (write(tmp_path / "in", settlements=[VISIT]) / "费用明细.xlsb").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"费用明细\.xlsb \(files of this kind are not read; save it again as \.xlsx\)"):
        intake(tmp_path / "in", tmp_path / "house")
