"""The monitoring elements: names, ids, binnings, and the shape of each.

Names and binnings follow CMSSW's DQM modules.  `entries` is the number in one lumisection at the start of a fill.
`shape` names a function of `shapes`.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Axis:
    """Equal bins from `low` to `high`."""

    low: float
    high: float
    bins: int


@dataclass(frozen=True)
class MonitoringElement:
    """One ME: 1D if it has no y axis."""

    me_id: int
    me: str
    shape: str
    entries: int
    x: Axis
    y: Axis | None = None

    @property
    def dim(self) -> int:
        """1 or 2."""
        return 1 if self.y is None else 2

    @property
    def bins(self) -> int:
        """Number of bins of the histogram."""
        return self.x.bins * (1 if self.y is None else self.y.bins)


# Pixel barrel: 8 modules along the beam, ladders per layer; both are numbered from minus to plus with an empty 0.
# A module is 8 readout chips long and 2 wide.
_MODULES = Axis(-4.5, 4.5, 72)
_LADDERS = {
    1: Axis(-6.5, 6.5, 26),
    2: Axis(-14.5, 14.5, 58),
    3: Axis(-22.5, 22.5, 90),
    4: Axis(-32.5, 32.5, 130),
}
_CHARGE = Axis(0.0, 80_000.0, 200)
_PHI = Axis(-3.2, 3.2, 64)
_MAP = "PixelPhase1/Phase1_MechanicalView/PXBarrel"
_MAP_OF = "per_SignedModuleCoord_per_SignedLadderCoord_PXLayer"


def _pixel() -> tuple[MonitoringElement, ...]:
    layers = (1, 2, 3, 4)
    tracks = "PixelPhase1/Tracks"
    size = Axis(0.0, 50.0, 50)
    rings = Axis(-3.5, 3.5, 56)
    blades = {1: Axis(-11.5, 11.5, 92), 2: Axis(-17.5, 17.5, 140)}
    return (
        *(
            MonitoringElement(n, f"{tracks}/PXBarrel/charge_PXLayer_{n}", "landau", 60_000 // n, _CHARGE)
            for n in layers
        ),
        *(
            MonitoringElement(4 + i, f"{tracks}/PXForward/charge_PXDisk_{disk}", "landau", 9_000, _CHARGE)
            for i, disk in enumerate(("-3", "-2", "-1", "+1", "+2", "+3"), 1)
        ),
        *(
            MonitoringElement(10 + n, f"{tracks}/PXBarrel/size_PXLayer_{n}", "exponential", 60_000 // n, size)
            for n in layers
        ),
        *(
            MonitoringElement(20 + n, f"{_MAP}/adc_PXLayer_{n}", "landau", 90_000 // n, Axis(0.0, 300.0, 300))
            for n in layers
        ),
        MonitoringElement(96, f"{_MAP}/num_clusters_PXBarrel", "gaussian", 1_000, Axis(0.0, 10_000.0, 100)),
        *(
            MonitoringElement(
                me_id, f"{_MAP}/clusters_{_MAP_OF}_{n}", "pixel_map", 120_000 // n, _MODULES, _LADDERS[n]
            )
            for n, me_id in ((1, 100), (2, 133), (3, 134), (4, 135))
        ),
        *(
            MonitoringElement(
                100 + n,
                f"{_MAP}/digi_occupancy_{_MAP_OF}_{n}",
                "pixel_map",
                400_000 // n,
                _MODULES,
                _LADDERS[n],
            )
            for n in layers
        ),
        *(
            MonitoringElement(
                110 + ring,
                "PixelPhase1/Phase1_MechanicalView/PXForward/"
                f"clusters_per_SignedDiskCoord_per_SignedBladePanelCoord_PXRing_{ring}",
                "pixel_map",
                40_000,
                rings,
                blades[ring],
            )
            for ring in (1, 2)
        ),
    )


def _strips_and_tracks() -> tuple[MonitoringElement, ...]:
    charge = Axis(0.0, 1_000.0, 200)
    general = "Tracking/TrackParameters/generalTracks/GeneralProperties"
    return (
        *(
            MonitoringElement(
                30 + i,
                f"SiStrip/MechanicalView/{part}/Summary_ClusterCharge_OffTrack__{part}",
                "landau",
                30_000,
                charge,
            )
            for i, part in enumerate(("TIB", "TOB", "MINUS/TID", "PLUS/TID", "MINUS/TEC", "PLUS/TEC"))
        ),
        MonitoringElement(40, f"{general}/NumberOfTracks_GenTk", "gaussian", 1_000, Axis(0.0, 3_000.0, 100)),
        MonitoringElement(
            41, f"{general}/TrackPt_ImpactPoint_GenTk", "falling", 50_000, Axis(0.0, 100.0, 100)
        ),
        MonitoringElement(
            42, f"{general}/TrackEta_ImpactPoint_GenTk", "double_bump", 50_000, Axis(-3.0, 3.0, 60)
        ),
        MonitoringElement(43, f"{general}/TrackPhi_ImpactPoint_GenTk", "phi", 50_000, _PHI),
        MonitoringElement(
            44,
            "Tracking/TrackParameters/generalTracks/HitProperties/NumberOfRecHitsPerTrack_GenTk",
            "gaussian",
            50_000,
            Axis(-0.5, 39.5, 40),
        ),
    )


_EB = MonitoringElement(
    140,
    "EcalBarrel/EBOccupancyTask/EBOT digi occupancy",
    "barrel_map",
    250_000,
    Axis(0.0, 360.0, 100),
    Axis(-85.0, 85.0, 100),
)
_EE_PLUS = MonitoringElement(
    141,
    "EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE +",
    "endcap_map",
    80_000,
    Axis(0.0, 100.0, 100),
    Axis(0.0, 100.0, 100),
)
_EE_MINUS = replace(_EE_PLUS, me_id=142, me="EcalEndcap/EEOccupancyTask/EEOT digi occupancy EE -")
_GLOBAL_MUON_ETA = MonitoringElement(
    50, "Muons/MuonRecoAnalyzer/GlbMuon_Glb_eta", "double_bump", 1_200, Axis(-3.0, 3.0, 100)
)
_JET_PT = MonitoringElement(60, "JetMET/Jet/Cleanedak4PFJetsCHS/Pt", "falling", 8_000, Axis(0.0, 500.0, 50))

TRACKER = (*_pixel(), *_strips_and_tracks(), _GLOBAL_MUON_ETA, _JET_PT, _EB, _EE_PLUS, _EE_MINUS)

_JETS = "JetMET/Jet/Cleanedak4PFJetsCHS"
_FRACTION = Axis(0.0, 1.1, 100)
JETMET = (
    replace(_JET_PT, me_id=1),
    MonitoringElement(2, f"{_JETS}/Eta", "double_bump", 8_000, Axis(-5.0, 5.0, 100)),
    MonitoringElement(3, f"{_JETS}/Phi", "phi", 8_000, _PHI),
    MonitoringElement(4, f"{_JETS}/Constituents", "gaussian", 8_000, Axis(0.0, 100.0, 50)),
    MonitoringElement(5, f"{_JETS}/CHFrac_highPt_Barrel", "gaussian", 1_500, _FRACTION),
    MonitoringElement(6, f"{_JETS}/NHFrac_highPt_Barrel", "exponential", 1_500, _FRACTION),
    MonitoringElement(10, "JetMET/MET/pfMETT1/Cleaned/MET", "falling", 5_000, Axis(0.0, 1_000.0, 200)),
    MonitoringElement(11, "JetMET/MET/pfMETT1/Cleaned/METSig", "exponential", 5_000, Axis(0.0, 51.0, 51)),
    MonitoringElement(12, "JetMET/MET/pfMETT1/Cleaned/METPhi", "phi", 5_000, _PHI),
    MonitoringElement(20, f"{_JETS}/EtaPhi", "flat_map", 8_000, Axis(-5.0, 5.0, 50), Axis(-3.2, 3.2, 64)),
)

ECAL = (
    MonitoringElement(
        1,
        "EcalBarrel/EBTimingTask/EBTMT timing 1D summary",
        "gaussian",
        20_000,
        Axis(-25.0, 25.0, 100),
    ),
    MonitoringElement(
        2, "EcalBarrel/EBEnergyTask/EBET energy 1D summary", "falling", 20_000, Axis(0.0, 20.0, 100)
    ),
    replace(_EB, me_id=10),
    replace(_EE_PLUS, me_id=11),
    replace(_EE_MINUS, me_id=12),
)

HCAL = (
    MonitoringElement(
        1, "Hcal/DigiTask/TimingCut/SubdetPM/HBHE", "gaussian", 30_000, Axis(-100.0, 100.0, 100)
    ),
    MonitoringElement(
        10,
        "Hcal/DigiTask/Occupancy/depth/depth1",
        "flat_map",
        60_000,
        Axis(-41.5, 41.5, 83),
        Axis(0.5, 72.5, 72),
    ),
)

EGAMMA = (
    MonitoringElement(
        1,
        "Egamma/Electrons/Ele2_All/ele1_gsfElectron_eta",
        "double_bump",
        900,
        Axis(-2.5, 2.5, 50),
    ),
    MonitoringElement(2, "Egamma/Electrons/Ele2_All/ele3_Et", "falling", 900, Axis(0.0, 100.0, 50)),
)

MUON = (
    replace(_GLOBAL_MUON_ETA, me_id=1),
    MonitoringElement(2, "Muons/MuonRecoAnalyzer/GlbMuon_Glb_phi", "phi", 1_200, _PHI),
    MonitoringElement(3, "Muons/MuonRecoAnalyzer/GlbMuon_Glb_pt", "falling", 1_200, Axis(0.0, 100.0, 100)),
)

CSC = (
    MonitoringElement(
        1, "CSC/CSCOfflineMonitor/recHits/hRHTimingAll", "gaussian", 15_000, Axis(-200.0, 200.0, 200)
    ),
    *(
        MonitoringElement(
            10 + i,
            f"CSC/CSCOfflineMonitor/recHits/hRHGlobal{name}",
            "endcap_map",
            25_000,
            Axis(-800.0, 800.0, 100),
            Axis(-800.0, 800.0, 100),
        )
        for i, name in enumerate(f"{side}{station}" for side in ("m", "p") for station in (1, 2, 3, 4))
    ),
)

GLOBAL = (
    MonitoringElement(1, "HLT/TriggerRates/ZeroBias_pileup", "gaussian", 1_000, Axis(0.0, 100.0, 100)),
    replace(TRACKER[0], me_id=2),
    replace(_EB, me_id=10),
)
