"""The word lists identifiers are built from; the held-out ones never occur in training."""

TRAIN = tuple(
    """
    add sum total count load save parse fetch build make render merge split join sort find filter
    apply update remove insert check valid score price user item order node edge graph table row
    cell line word text page file path name size limit rate value index offset start stop step
    batch frame image color point angle speed mass force time date hour week month year event task
    job queue stack cache token list chunk block field form label title body head tail left right
    upper lower first last next prev min max mean norm scale shift clip round floor power root
    square cube area width height depth weight balance account amount tax discount bonus level
    rank run open close read write send receive get set put pop push clear reset init main helper
    process handle convert compute calculate create delete format print show display draw log
    info warn error debug test mock data result output input params config option setting state
    status mode kind type group team member role owner admin guest client server host port socket
    request response header cookie session message reply topic channel stream buffer reader writer
    lexer parser scanner visitor walker tree leaf branch parent child sibling key map hash digest
    crypt sign verify encode decode pack unpack zip copy move rename link mount disk memory thread
    worker pool lock signal timer clock tick delay retry attempt backoff policy rule filter match
    pattern regex char letter digit number integer float double bool flag switch toggle enable
    disable active ready done failed pending running idle busy empty full partial final temp
    backup archive export import source target origin dest driver engine motor wheel gear pump
    valve tank sensor probe meter gauge signal pulse wave phase cycle period sample window slice
    span range bound edge corner center radius circle polygon matrix vector scalar tensor layer
    weight bias loss grad epoch train predict model feature sample vocab corpus sentence para
    chapter book author title shelf library store shop cart basket product stock supply demand
    invoice receipt payment refund credit debit bank card wallet coin price quote currency market
    city country region street house room door wall floor roof garden tree flower fruit apple
    pear lemon bread milk sugar salt water tea coffee plate cup bowl knife spoon table chair lamp
    mail inbox outbox draft spam folder label note memo remind alarm calendar meeting agenda
    player enemy monster weapon armor shield potion quest map tile board piece move turn dice deck
    hand suit trump bet game match goal team coach season league hello greet say hi bye welcome
    foo bar baz qux spam eggs old new tmp ctx obj cls args func callback handler factory manager
    service adapter wrapper proxy router view controller schema record entry column query cursor
    select drop alter migrate seed fixture setup teardown assert expect actual is has can should
    do try as to from with by on in at of the a all any some none each every many few
    """.split()  # noqa: SIM905
)

HELD_OUT = tuple(
    """
    harvest glacier lantern compass orbit voyage kettle marble thunder velvet walnut saddle
    anchor beacon cinder dagger ember falcon gravel hammer ivory jungle karst ladder magnet
    needle oyster pebble quiver ribbon sphere tunnel umbra vessel whistle yonder zephyr bramble
    cobalt drizzle emerald fathom gazelle hollow island jigsaw knuckle lagoon meadow nectar
    obtain plunge quench rescue strike tackle unveil vanish wander admit borrow collect decide
    """.split()  # noqa: SIM905
)

STRING_WORDS = tuple(
    """
    hello world done ready ok error failed missing not found invalid value the result is total of
    items saved loaded file name please wait finished starting stopped no yes and or to for user
    unknown empty done! bye name: count: = -> % id key data.txt out.csv log utf-8 r w a b x
    """.split()  # noqa: SIM905
)
