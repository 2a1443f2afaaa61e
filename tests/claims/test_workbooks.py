"""Workbooks in the open format (.ods) and the old one (.xls), and the binary one (.xlsb) that is not read."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest

from claims.errors import UserError
from claims.intake.pipeline import intake
from claims.intake.quarantine import list_quarantine
from claims.sources.old_workbook import errors_of_xls
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
#: The same sheets as Excel 97 holds them, again by LibreOffice.
XLS = (
    "c-rk*TWnNS6y5hR(>r}m3sor(2NWo@#ST@dAhu9c@C5;U#55_>nLF*s%(UqY2}H&E;728D_~3`ckiZWbA2HDnA;ORGLnDddL!%M-K#hKkMq@~%"
    "<J$Y4dwZuHNL!4F!fDnyXYG6Dp1sfB=W$QZd{KYy$a_uS(}c8^3>qtjDCm=EK$T0vM7olV6^lhzT)dwCQ|Xc_*@q_l7XaAj6@UeVfJ)`#YE@oO"
    "|DUvthVYlC2;D<jlq0m4rju?!#Q5JgmEVj_vE5YD_5NqxKd;}sjvK(0=0C6dJpXHeTA<F^0;nEn0A>NRfkuf5q8ovmfH^=DFc+8y%m)?#Hv<u1"
    "A+QLz1-KPh3@ibb0?oiOU^&nNv;u9w3g9-N9f$%efezqy;0|DwvawT@jJ2rWrTE<_yRNTgl0p`|7!1%yHJ`D|#rNMMBHlGmOI(}>dTE$rqbHV*"
    "NB*s}L3D^|tive;={n6stm<?asHJyAenRqf5`ReD6zNnk{kYyO+8>a7k>s_=HTqC~^R-B#h{SIs&R>&hpiza^LorHIiu$n<rqH5^KIIwqthC_y"
    "p{<uE-0JF{wwLsc*`z%zEAbHK#dfsGQVz8qx}P2pNe?YBtLZ4u%=_%DJrYYVFz3=So^5-PdfPIY-nK-dH!?W5CX-o{%bk-6d6fPrMtqb1RD|W+"
    "r^tVwnp~fzoUS?fQH))=ac*(i7beP=T}Iw|8Ts<d$U|l20aqVuqMpYbxj8OBsDq4Bk<0L?A!Yq&P|Ai;Q_5MR6;jR~4HS3E6xxsNV6A)|=-QY2"
    "4n4IW+r*hFo_w12gZ&Eebk*pzW&uPy4ruf<CKa}g!V}VOuppylIa`lT<DV0nuiimb1)km?qoGC5Y1odeQ(8CjZd&kb*x8UQY)lq59P3ZaqQ7XZ"
    ")}}TV=)kJgCO_GSS(CH#>Aq9~J!TU5kvytUe>j)z%MM{jOQ!Z@>_jS?>x&O1Y&1f3cYg0MSGkd@qK#Yaw+FKMRK~`u?QDW;A=L@jYou+`w)=9s"
    "GqFq_mM3>-6Me(6y-I>t45pI9EI~CEkLS5s?Q|E9<p!BTvk^O)=#%#*)3JeS)-09pQ`TUhwns67?d?%iw{o_Lc}KJzUX4aY9F1Zu+qvmVX}XfD"
    "9a8PUqG;_n@-iC4fc_%fxRAazo!vfeH3H*7-Ka{Pj|9%v5iZ#}s^Pf=yv$2&y?8MUzqR$u`}zE;rmjAbkB$c=E#}yxR_!@FIc+YNU$jX6ytH+X"
    "6fcPEMah@o_X9~z7rK`E>doGJf9zW3s~^Dz5Q0_`n|MR3)~el99em;R&U0OEsnH{NV$m~VHfb+eb;{COa&2=CJC+_+n@p>-tZQ{5)8u)n%(1^z"
    "W|WbcWn_T~eO!`bnCk*&njFJ4k7+XQF4Msbj~QU5$4sz*#{ytMj|IUhJXQf_dCUR}c`O80>9I<%DvwoxReP)&tj1$CV6`5r1*`KI*TWtQgVigh"
    "i?t0N<F>Or#@5dE7+c%uF}C&wkFm8kdW@~*W2&L^@t{K55xuqTLboHaCP_k&ymkEeah9CKkyRJVcO7Q!exvcc>Nd`o%fZ9xi*1{udN!m@lgHSa"
    "xgPUdW0Y89lvrbwSYwn}V@$Hfm}HGnVoea*8Dfntdb=M92Cc88lQ=6G;?^q}X_OdgN}G8eV<YE#%x|PwVx(DOq*-F5Sz@F)$w+gOk>(_qnNxI`"
    "Sz=8<CLe#h{6brKkP4fe<*i_;&58}iq${+`+ss0<$U}v2nQt(Jjr@*(!*9M@Z=er?&M}t1R1(r^zM8~t2S@|h=>{zSi!}GU?^;`wbuV`pWxdRz"
    "te06t>*V{>VH}lw6gi2-#aU8=k~`1*zK-~PZOy>fme1F8^}cqRjunkc=MErjIU{n)d2}x?C=aFLBSX2NWIl4wp17Tk+_}1KN37pYr)@EFLn@i<"
    "yqdcQ&2_^J(^!$j|7G4w=k~wx+r=$|;WuBmsAcK<U-4K!tzw#=cdGk|ZZ#ecs(XsZ)m=qG-B%2&DEaA<bN8UDyMu0De-rDYuWtM9(S6@){`z$E"
    "mjmtD&(9uSF*khh5cF@o`1VHr2Am-4Rre(B!8h#Fb*s9UA$3>c+N>)b-GegQyncB2QF|np8p@X1%Fz>DxuPAZ?D+qa_kW`QgcvOM8$<p7fYW2>"
    "eS~)5(}4BZHSPFmkj>xuo+(b_UhPDU8)rS}H-i}20v(>5QU8YT4sI&HSq*IV;(QCG$)552;e*9=@Bi*pcXe_nLEC9J?9Wh4e7_k{kQAS=Bu^>S"
    "vsZXmv+6%EjqzW@yR+B-M)VLD9c+of>FLus1N+zc`oGrifBy!j0h77"
)  # fmt: skip
KINDS = {".ods": ODS, ".xls": XLS}


def delivered(folder: Path, kind: str) -> Path:
    (write(folder) / f"结算{kind}").write_bytes(zlib.decompress(base64.b85decode(KINDS[kind])))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_its_rows_are_those_of_the_same_csv(tmp_path: Path, kind: str) -> None:
    done = intake(delivered(tmp_path / "in", kind), tmp_path / "house", allow_ignored=["*旧*"])
    visits = [VISIT | {"setl_id": f"S{i}", "mdtrt_id": f"00{i}"} for i in (1, 3)]
    told = done.tables["settlements"]
    assert (told.rows_in, told.accepted, told.quarantined) == (4, 2, 2)
    end = write(tmp_path / "csv", settlements=visits)
    intake(end, tmp_path / "other")
    assert contents(tmp_path / "house") == contents(tmp_path / "other")


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_of_a_formula_is_a_lost_value_and_no_blank(tmp_path: Path, kind: str) -> None:
    intake(delivered(tmp_path / "in", kind), tmp_path / "house", allow_ignored=["*旧*"])
    rows = list_quarantine(tmp_path / "house")[["line", "column", "reason_code"]]
    assert rows.values.tolist() == [[4, "medfee_sumamt", "Q03"], [6, "", "Q06"]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hidden_sheet_is_asked_about(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UserError, match=rf"结算\{kind}\[旧\] \(the sheet is hidden"):
        intake(delivered(tmp_path / "in", kind), tmp_path / "house")


def test_a_binary_workbook_is_refused(tmp_path: Path) -> None:
    """Its reader gives the errors of formulas as empty cells."""
    (write(tmp_path / "in", settlements=[VISIT]) / "费用明细.xlsb").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"费用明细\.xlsb \(files of this kind are not read; save it again as \.xlsx\)"):
        intake(tmp_path / "in", tmp_path / "house")


@pytest.mark.parametrize("cut", [9, 80, 600, 1500, 3000])
def test_what_is_left_of_an_old_workbook_shows_no_errors_or_those_there(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.xls").write_bytes(zlib.decompress(base64.b85decode(XLS))[:cut])
    assert errors_of_xls(tmp_path / "a.xls", "结算") in ({}, {(3, 10): "#N/A"})
