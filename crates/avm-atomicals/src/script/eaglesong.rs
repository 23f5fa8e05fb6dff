//! Eaglesong, the hash of Nervos CKB: a sponge of sixteen 32-bit lanes.
//!
//! Rate 256 bits, capacity 256 bits, 43 rounds. Spec: section 7.5.

const ROUNDS: usize = 43;

/// Byte appended to the message.
const DELIMITER: u32 = 6;

/// Bytes absorbed by a permutation.
const RATE_BYTES: usize = 32;

/// Eaglesong.
#[must_use]
pub fn eaglesong(message: &[u8]) -> [u8; 32] {
    let mut lanes = [0; 16];
    let (blocks, tail) = message.as_chunks::<RATE_BYTES>();
    for block in blocks {
        absorb(&mut lanes, block, None);
    }
    absorb(&mut lanes, tail, Some(DELIMITER));
    let mut digest = [0; 32];
    for (out, lane) in digest.as_chunks_mut().0.iter_mut().zip(lanes) {
        *out = u32::to_le_bytes(lane);
    }
    digest
}

/// Adds up to 32 bytes, and what follows them if the message ends here.
fn absorb(lanes: &mut [u32; 16], block: &[u8], end: Option<u32>) {
    let (words, tail) = block.as_chunks::<4>();
    for (lane, word) in lanes.iter_mut().zip(words) {
        *lane ^= u32::from_be_bytes(*word);
    }
    if let Some(end) = end {
        // The last word is as long as its bytes: they are not shifted to its top.
        let word = tail
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte));
        lanes[words.len()] ^= word << 8 | end;
    }
    for constants in &CONSTANTS {
        round(lanes, constants);
    }
}

fn round(lanes: &mut [u32; 16], constants: &[u32; 16]) {
    *lanes = mix(lanes);
    for (lane, [a, b]) in lanes.iter_mut().zip(ROTATIONS) {
        *lane ^= lane.rotate_left(a) ^ lane.rotate_left(b);
    }
    for (lane, constant) in lanes.iter_mut().zip(constants) {
        *lane ^= constant;
    }
    for pair in lanes.as_chunks_mut::<2>().0 {
        let sum = pair[0].wrapping_add(pair[1]);
        pair[0] = sum.rotate_left(8);
        pair[1] = pair[0].wrapping_add(pair[1].rotate_left(24));
    }
}

/// The bit matrix, written out: a new lane is the sum of the lanes with a one in its column.
#[rustfmt::skip]
const fn mix(s: &[u32; 16]) -> [u32; 16] {
    [
        s[0] ^ s[4] ^ s[5] ^ s[6] ^ s[7] ^ s[12] ^ s[15],
        s[0] ^ s[1] ^ s[4] ^ s[8] ^ s[12] ^ s[13] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[4] ^ s[6] ^ s[7] ^ s[9] ^ s[12] ^ s[13] ^ s[14] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[6] ^ s[8] ^ s[10] ^ s[12] ^ s[13] ^ s[14],
        s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[7] ^ s[9] ^ s[11] ^ s[13] ^ s[14] ^ s[15],
        s[0] ^ s[2] ^ s[3] ^ s[7] ^ s[8] ^ s[10] ^ s[14],
        s[1] ^ s[3] ^ s[4] ^ s[8] ^ s[9] ^ s[11] ^ s[15],
        s[0] ^ s[2] ^ s[6] ^ s[7] ^ s[9] ^ s[10] ^ s[15],
        s[0] ^ s[1] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[8] ^ s[10] ^ s[11] ^ s[12] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[9] ^ s[11] ^ s[13] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[7] ^ s[10] ^ s[14] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[8] ^ s[11] ^ s[12],
        s[1] ^ s[2] ^ s[3] ^ s[4] ^ s[9] ^ s[12] ^ s[13],
        s[2] ^ s[3] ^ s[4] ^ s[5] ^ s[10] ^ s[13] ^ s[14],
        s[3] ^ s[4] ^ s[5] ^ s[6] ^ s[11] ^ s[14] ^ s[15],
        s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[5] ^ s[7] ^ s[8] ^ s[9] ^ s[10] ^ s[11] ^ s[15],
    ]
}

/// Two rotations of each lane; the third of the circulant is by zero.
const ROTATIONS: [[u32; 2]; 16] = [
    [2, 4],
    [13, 22],
    [4, 19],
    [3, 14],
    [27, 31],
    [3, 8],
    [17, 26],
    [3, 12],
    [18, 22],
    [12, 18],
    [4, 7],
    [4, 31],
    [12, 27],
    [7, 17],
    [7, 8],
    [1, 13],
];

/// Constants injected in each round.
#[rustfmt::skip]
const CONSTANTS: [[u32; 16]; ROUNDS] = [
    [
        0x6e9e_40ae, 0x7192_7c02, 0x9a13_d3b1, 0xdaec_32ad, 0x3d89_51cf, 0xe1c9_fe9a, 0xb806_b54c, 0xacbb_f417,
        0xd362_2b3b, 0xa082_762a, 0x9edc_f1c0, 0xa9ba_da77, 0x7f91_e46c, 0xcb0f_6e4f, 0x265d_9241, 0xb7bd_eab0,
    ],
    [
        0x6260_c9e6, 0xff50_dd2a, 0x9036_aa71, 0xce16_1879, 0xd130_7cdf, 0x89e4_56df, 0xf831_33e2, 0x65f5_5c3d,
        0x9487_1b01, 0xb5d2_04cd, 0x583a_3264, 0x5e16_5957, 0x4cbd_a964, 0x675f_ca47, 0xf4a3_033e, 0x2a41_7322,
    ],
    [
        0x3b61_432f, 0x7f55_32f2, 0xb609_973b, 0x1a79_5239, 0x31b4_77c9, 0xd294_9d28, 0x7896_9712, 0x0eb8_7b6e,
        0x7e11_d22d, 0xccee_88bd, 0xeed0_7eb8, 0xe556_3a81, 0xe7cb_6bcf, 0x25de_953e, 0x4d05_653a, 0x0b83_1557,
    ],
    [
        0x94b9_cd77, 0x13f0_1579, 0x794b_4a4a, 0x67e7_c7dc, 0xc456_d8d4, 0x5968_9c9b, 0x6684_56d7, 0x22d2_a2e1,
        0x38b3_a828, 0x0315_ac3c, 0x438d_681e, 0xab71_09c5, 0x97ee_19a8, 0xde06_2b2e, 0x2c76_c47b, 0x0084_456f,
    ],
    [
        0x908f_0fd3, 0xa646_551f, 0x3e82_6725, 0xd521_788e, 0x9f01_c2b0, 0x9318_0cdc, 0x92ea_1df8, 0x431a_9aae,
        0x7c2e_a356, 0xda33_ad03, 0x4692_6893, 0x66bd_e7d7, 0xb501_cc75, 0x1f6e_8a41, 0x6852_50f4, 0x3bb1_f318,
    ],
    [
        0xaf23_8c04, 0x974e_d2ec, 0x5b15_9e49, 0xd526_f8bf, 0x1208_5626, 0x3e24_32a9, 0x6bd2_0c48, 0x1f1d_59da,
        0x18ab_1068, 0x80f8_3cf8, 0x2c8c_11c0, 0x7d54_8035, 0x0ff6_75c3, 0xfed1_60bf, 0x74bb_bb24, 0xd98e_006b,
    ],
    [
        0xdeaa_47eb, 0x05f2_179e, 0x437b_0b71, 0xa7c9_5f8f, 0x00a9_9d3b, 0x3fc3_c444, 0x7268_6f8e, 0x00fd_01a9,
        0xdedc_0787, 0xc6af_7626, 0x7012_fe76, 0xf2a5_f7ce, 0x9a7b_2eda, 0x5e57_fcf2, 0x4da0_d4ad, 0x5c63_b155,
    ],
    [
        0x3411_7375, 0xd413_4c11, 0x2ea7_7435, 0x5278_b6de, 0xab52_2c4c, 0xbc8f_c702, 0xc94a_09e4, 0xebb9_3a9e,
        0x91ec_b65e, 0x4c52_ecc6, 0x8703_bb52, 0xcb2d_60aa, 0x30a0_538a, 0x1514_f10b, 0x157f_6329, 0x3429_dc3d,
    ],
    [
        0x5db7_3eb2, 0xa7a1_a969, 0x7286_bd24, 0x0df6_881e, 0x3785_ba5f, 0xcd04_623a, 0x0275_8170, 0xd827_f556,
        0x99d9_5191, 0x8445_7eb1, 0x58a7_fb22, 0xd296_7c5f, 0x4f0c_33f6, 0x4a02_099a, 0xe090_4821, 0x9412_4036,
    ],
    [
        0x496a_031b, 0x780b_69c4, 0xcf1a_4927, 0x87a1_19b8, 0xcdfa_f4f8, 0x4cf9_cd0f, 0x27c9_6a84, 0x6d11_117e,
        0x7f8c_f847, 0x74ce_ede5, 0xc889_05e6, 0x6021_5841, 0x7172_875a, 0x736e_993a, 0x010a_a53c, 0x43d5_3c2b,
    ],
    [
        0xf0d9_1a93, 0x0d98_3b56, 0xf816_663c, 0xe5d1_3363, 0x0a61_737c, 0x09d5_1150, 0x83a5_ac2f, 0x3e88_4905,
        0x7b01_aeb5, 0x600a_6ea7, 0xb767_8f7b, 0x72b3_8977, 0x0680_18f2, 0xce6a_e45b, 0x2918_8aa8, 0xe5a0_b1e9,
    ],
    [
        0xc04c_2b86, 0x8bd1_4d75, 0x6487_81f3, 0xdbae_1e0a, 0xddcd_d8ae, 0xab4d_81a3, 0x446b_aaba, 0x1cc0_c19d,
        0x17be_4f90, 0x82c0_e65d, 0x676f_9c95, 0x5c70_8db2, 0x6fd4_c867, 0xa510_6ef0, 0x19dd_e49d, 0x7818_2f95,
    ],
    [
        0xd089_cd81, 0xa32e_98fe, 0xbe30_6c82, 0x6cd8_3d8c, 0x037f_1bde, 0x0b15_722d, 0xeddc_1e22, 0x93c7_6559,
        0x8a2f_571b, 0x92cc_81b4, 0x021b_7477, 0x6752_3904, 0xc95d_bccc, 0xac17_ee9d, 0x944e_46bc, 0x0781_867e,
    ],
    [
        0xc854_dd9d, 0x26e2_c30c, 0x858c_0416, 0x6d39_7708, 0xebe2_9c58, 0xc80c_ed86, 0xd496_b4ab, 0xbe45_e6f5,
        0x10d2_4706, 0xacf8_187a, 0x96f5_23cb, 0x2227_e143, 0x78c3_6564, 0x4643_adc2, 0x4729_d97a, 0xcff9_3e0d,
    ],
    [
        0x2548_4bbd, 0x91c6_798e, 0x95f7_73f4, 0x4420_4675, 0x2eda_57ba, 0x06d3_13ef, 0xeeaa_4466, 0x2dfa_7530,
        0xa8af_0c9b, 0x39f1_535e, 0x0cc2_b7bd, 0x38a7_6c0e, 0x4f41_071d, 0xcdaf_2475, 0x49a6_eff8, 0x0162_1748,
    ],
    [
        0x36eb_acab, 0xbd6d_9a29, 0x44d1_cd65, 0x4081_5dfd, 0x55fa_5a1a, 0x87cc_e9e9, 0xae55_9b45, 0xd76b_4c26,
        0x637d_60ad, 0xde29_f5f9, 0x9749_1cbb, 0xfb35_0040, 0xffe7_f997, 0x201c_9dcd, 0xe613_20e9, 0xa909_87a3,
    ],
    [
        0xe24a_fa83, 0x61c1_e6fc, 0xcc87_ff62, 0xf1c9_d8fa, 0x4fd0_4546, 0x90ec_c76e, 0x46e4_56b9, 0x305d_ceb8,
        0xf627_e68c, 0x2d28_6815, 0xc705_bbfd, 0x101b_6df3, 0x892d_ae62, 0xd5b7_fb44, 0xea1d_5c94, 0x5332_e3cb,
    ],
    [
        0xf856_f88a, 0xb341_b0e9, 0x2840_8d9d, 0x5421_bc17, 0xeb9a_f9bc, 0x6023_71c5, 0x6798_5a91, 0xd774_907f,
        0x7c4d_697d, 0x9370_b0b8, 0x6ff5_cebb, 0x7d46_5744, 0x674c_eac0, 0xea91_02fc, 0x0de9_4784, 0xc793_de69,
    ],
    [
        0xfe59_9bb1, 0xc6ad_952f, 0x6d6c_a9c3, 0x928c_3f91, 0xf902_2f05, 0x24a1_64dc, 0xe5e9_8cd3, 0x7649_efdb,
        0x6df3_bcdb, 0x5d1e_9ff1, 0x17f5_d010, 0xe268_6ea1, 0x6eac_77fe, 0x7bb5_c585, 0x88d9_0cbb, 0x1868_9163,
    ],
    [
        0x67c9_efa5, 0xc0b7_6d9b, 0x960e_fbab, 0xbd87_2807, 0x70f4_c474, 0x56c2_9d20, 0xd154_1d15, 0x8813_7033,
        0xe3f0_2b3e, 0xb6d9_b28d, 0x53a0_77ba, 0xeedc_d29e, 0xa50a_6c1d, 0x12c2_801e, 0x52ba_335b, 0x3598_4614,
    ],
    [
        0xe259_9aa8, 0xaf94_ed1d, 0xd90d_4767, 0x202c_7d07, 0x77be_c4f4, 0xfa71_bc80, 0xfc5c_8b76, 0x8d0f_bbfc,
        0xda36_6dc6, 0x8b32_a0c7, 0x1b36_f7fc, 0x6642_dcbc, 0x6fe7_e724, 0x8b5f_a782, 0xc422_7404, 0x3a7d_1da7,
    ],
    [
        0x517e_d658, 0x8a18_df6d, 0x3e5c_9b23, 0x1fbd_51ef, 0x1470_601d, 0x3400_389c, 0x676b_065d, 0x8864_ad80,
        0xea6f_1a9c, 0x2db4_84e1, 0x6087_85f0, 0x8dd3_84af, 0x69d2_6699, 0x409c_4e16, 0x77f9_986a, 0x7f49_1266,
    ],
    [
        0x883e_a6cf, 0xeaa0_6072, 0xfa2e_5db5, 0x3525_94b4, 0x9156_bb89, 0xa2fb_bbfb, 0xac39_89c7, 0x6e24_22b1,
        0x581f_3560, 0x1009_a9b5, 0x7e5a_d9cd, 0xa9fc_0a6e, 0x43e5_998e, 0x7f87_78f9, 0xf038_f8e1, 0x5415_c2e8,
    ],
    [
        0x6499_b731, 0xb823_89ae, 0x05d4_d819, 0x0f06_440e, 0xf173_5aa0, 0x9864_30ee, 0x47ec_952c, 0xbf14_9cc5,
        0xb3cb_2cb6, 0x3f41_e8c2, 0x271a_c51b, 0x48ac_5ded, 0xf76a_0469, 0x717b_ba4d, 0x4f5c_90d6, 0x3b74_f756,
    ],
    [
        0x1824_110a, 0xa4fd_43e3, 0x1eb0_507c, 0xa937_5c08, 0x157c_59a7, 0x0cad_8f51, 0xd660_31a0, 0xabb5_343f,
        0xe533_fa43, 0x1996_e2bb, 0xd795_3a71, 0xd252_9b94, 0x58f0_fa07, 0x4c9b_1877, 0x057e_990d, 0x8bfe_19c4,
    ],
    [
        0xa8e2_c0c9, 0x99fc_aada, 0x69d2_aaca, 0xdc1c_4642, 0xf4d2_2307, 0x7fe2_7e8c, 0x1366_aa07, 0x1594_e637,
        0xce10_66bf, 0xdb92_2552, 0x9930_b52a, 0xaeaa_9a3e, 0x31ff_7eb4, 0x5e1f_945a, 0x150a_c49c, 0x0ccd_ac2d,
    ],
    [
        0xd8a8_a217, 0xb82e_a6e5, 0xd6a7_4659, 0x67b7_e3e6, 0x836e_ef4a, 0xb6f9_0074, 0x7fa3_ea4b, 0xcb03_8123,
        0xbf06_9f55, 0x1fa8_3fc4, 0xd6eb_db23, 0x16f0_a137, 0x19a7_110d, 0x5ff3_b55f, 0xfb63_3868, 0xb466_f845,
    ],
    [
        0xbce0_c198, 0x8840_4296, 0xddbd_d88b, 0x7fc5_2546, 0x63a5_53f8, 0xa728_405a, 0x378a_2bce, 0x6862_e570,
        0xefb7_7e7d, 0xc611_625e, 0x3251_5c15, 0x6984_b765, 0xe840_5976, 0x9ba3_86fd, 0xd4ee_d4d9, 0xf8fe_0309,
    ],
    [
        0x0ce5_4601, 0xbaf8_79c2, 0xd852_4057, 0x1d8c_1d7a, 0x72c0_a3a9, 0x5a1f_fbde, 0x82f3_3a45, 0x5143_f446,
        0x29c7_e182, 0xe536_c32f, 0x5a6f_245b, 0x4427_2adb, 0xcb70_1d9c, 0xf761_37ec, 0x0841_f145, 0xe704_2ecc,
    ],
    [
        0xf127_7dd7, 0x745c_f92c, 0xa8fe_65fe, 0xd3e2_d7cf, 0x54c5_13ef, 0x6079_bc2d, 0xb663_36b0, 0x101e_383b,
        0xbcd7_5753, 0x25be_238a, 0x56a6_f0be, 0xeeff_cc17, 0x5ea3_1f3d, 0x0ae7_72f5, 0xf76d_e3de, 0x1bbe_cdad,
    ],
    [
        0xc910_7d43, 0xf7e3_8dce, 0x6183_58cd, 0x5c83_3f04, 0xf697_5906, 0xde41_77e5, 0x67d3_14dc, 0xb476_0f3e,
        0x56ce_5888, 0x0e83_45a8, 0xbff6_b1bf, 0x78df_b112, 0xf170_9c1e, 0x7bb8_ed8b, 0x9024_02b9, 0xdaa6_4ae0,
    ],
    [
        0x46b7_1d89, 0x7eee_035f, 0xbe37_6509, 0x9964_8f3a, 0x0863_ea1f, 0x49ad_8887, 0x79bd_ecc5, 0x3c10_b568,
        0x5f2e_4bae, 0x04ef_20ab, 0x72f8_ce7b, 0x521e_1ebe, 0x1452_5535, 0x2e8a_f95b, 0x9094_ccfd, 0xbcf3_6713,
    ],
    [
        0xc739_53ef, 0xd4b9_1474, 0x6554_ec2d, 0xe388_5c96, 0x03dc_73b7, 0x9316_88a9, 0xcbbe_f182, 0x2b77_cfc9,
        0x632a_32bd, 0xd211_5dcc, 0x1ae5_533d, 0x3268_4e13, 0x4cc5_a004, 0x1332_1bde, 0x62cb_d38d, 0x7838_3a3b,
    ],
    [
        0xd006_86f1, 0x9f60_1ee7, 0x7eaf_23de, 0x3110_c492, 0x9c35_1209, 0x7eb8_9d52, 0x6d56_6eac, 0xc2ef_d226,
        0x32e9_fac5, 0x5222_7274, 0x09f8_4725, 0xb8d0_b605, 0x7229_1f02, 0x71b5_c34b, 0x3dbf_cbb8, 0x04a0_2263,
    ],
    [
        0x55ba_597f, 0xd4e4_037d, 0xc813_e1be, 0xffdd_eefa, 0xc3c0_58f3, 0x8701_0f2e, 0x1dfc_f55f, 0xc694_eeeb,
        0xa9c0_1a74, 0x98c2_fc6b, 0xe57e_1428, 0xdd26_5a71, 0x836b_956d, 0x7e46_ab1a, 0x5835_d541, 0x50b3_2505,
    ],
    [
        0xe640_913c, 0xbb48_6079, 0xfe49_6263, 0x113c_5b69, 0x93cd_6620, 0x5efe_823b, 0x2d65_7b40, 0xb46d_fc6c,
        0x5771_0c69, 0xfe9f_adeb, 0xb5f8_728a, 0xe322_4170, 0xca28_b751, 0xfdab_ae56, 0x5ab1_2c3c, 0xa697_c457,
    ],
    [
        0xd28f_a2b7, 0x0565_79f2, 0x9fd9_d810, 0xe355_7478, 0xd88d_89ab, 0xa72a_9422, 0x6d47_abd0, 0x405b_cbd9,
        0x6f83_ebaf, 0x13ca_ec76, 0xfceb_9ee2, 0x2e92_2df7, 0xce98_56df, 0xc05e_9322, 0x2772_c854, 0xb67f_2a32,
    ],
    [
        0x6d1a_f28d, 0x3a78_cf77, 0xdff4_11e4, 0x61c7_4ca9, 0xed8b_842e, 0x7288_0845, 0x6e85_7085, 0xc640_4932,
        0xee37_f6bc, 0x2711_6f48, 0x5e9e_c45a, 0x8ea2_a51f, 0xa557_3db7, 0xa746_d036, 0x486b_4768, 0x5b43_8f3b,
    ],
    [
        0x18c5_4a5c, 0x64fc_f08e, 0xe993_cdc1, 0x35c1_ead3, 0x9de0_7de7, 0x321b_841c, 0x8742_3c5e, 0x071a_a0f6,
        0x962e_b75b, 0xbb06_bdd2, 0xdcdb_5363, 0x3897_52f2, 0x83d9_cc88, 0xd014_adc6, 0xc711_21bb, 0x2372_f938,
    ],
    [
        0xcaff_2650, 0x62be_8951, 0x56dc_caff, 0xac40_84c0, 0x0971_2e95, 0x1d3c_288f, 0x1b08_5744, 0xe1d3_cfef,
        0x5c9a_812e, 0x6611_fd59, 0x85e4_6044, 0x1981_d885, 0x5a4c_903f, 0x43f3_0d4b, 0x7d1d_601b, 0xdd3c_3391,
    ],
    [
        0x030e_c65e, 0xc128_78cd, 0x72e7_95fe, 0xd0c7_6abd, 0x1ec0_85db, 0x7cbb_61fa, 0x93e8_dd1e, 0x8582_eb06,
        0x7356_3144, 0x049d_4e7e, 0x5fd5_aefe, 0x7b84_2a00, 0x75ce_d665, 0xbb32_d458, 0x4e83_bba7, 0x8f15_151f,
    ],
    [
        0x7795_a125, 0xf084_2455, 0x499a_f99d, 0x565c_c7fa, 0xa3b1_278d, 0x3f27_ce74, 0x96ca_058e, 0x8a49_7443,
        0xa6fb_8cae, 0xc115_aa21, 0x1750_4923, 0xe493_2402, 0xaea8_86c2, 0x8eb7_9af5, 0xebd5_ea6b, 0xc798_0d3b,
    ],
    [
        0x7136_9315, 0x796e_6a66, 0x3a7e_c708, 0xb051_75c8, 0xe02b_74e7, 0xeb37_7ad3, 0x6c8c_1f54, 0xb980_c374,
        0x59ae_e281, 0x449c_b799, 0xe01f_5605, 0xed0e_085e, 0xc9a1_a3b4, 0xaac4_81b1, 0xc935_c39c, 0xb7d8_ce7f,
    ],
];

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use serde_json::Value;

    use super::*;

    /// The tables agree with those recorded from the reference.
    #[test]
    fn tables() {
        let text = include_str!("../../../../vectors/atomicals/eaglesong-params.json");
        let params: Value = serde_json::from_str(text).expect("a vector file");
        let number = |value: &Value| match value {
            Value::String(text) => {
                u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("hex")
            }
            _ => value
                .as_u64()
                .and_then(|value| value.try_into().ok())
                .expect("32 bits"),
        };
        let list = |name: &str| -> Vec<u32> {
            params[name]
                .as_array()
                .expect("a list")
                .iter()
                .map(number)
                .collect()
        };
        assert_eq!(CONSTANTS.as_flattened(), list("constants"));
        let triples = list("coefficients");
        let rotations = triples.as_chunks::<3>().0.iter().map(|[_, a, b]| [*a, *b]);
        assert!(rotations.eq(ROTATIONS));
        let matrix = list("matrix");
        for k in 0..16 {
            let mut unit = [0; 16];
            unit[k] = 1;
            assert_eq!(mix(&unit), matrix[16 * k..16 * (k + 1)]);
        }
    }
}
